import com.siemens.ct.exi.core.EXIFactory;
import com.siemens.ct.exi.core.FidelityOptions;
import com.siemens.ct.exi.core.grammars.Grammars;
import com.siemens.ct.exi.core.helpers.DefaultEXIFactory;
import com.siemens.ct.exi.main.api.sax.EXIResult;
import com.siemens.ct.exi.main.generatedgrammar.CommonAppProtocol;
import com.siemens.ct.exi.main.generatedgrammar.ISO15118_2Grammar;
import com.siemens.ct.exi.main.generatedgrammar.XMLDSIG_Core_Schema_Grammar;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Map;
import javax.xml.parsers.SAXParserFactory;
import org.xml.sax.InputSource;
import org.xml.sax.XMLReader;

/**
 * Has EXIficient encode XML. Each line of standard input is four words: the schema set, "document" or "fragment",
 * the capacity of the string table (0 for the profile of the standards, -1 for EXI's default), and the XML in base64.
 * Each line of standard output is the stream in hex, or "!" and a reason.
 */
public class Encode {
    private static final Map<String, Grammars> GRAMMARS = Map.of(
        "sap", new CommonAppProtocol(), "iso2", new ISO15118_2Grammar(), "xmldsig", new XMLDSIG_Core_Schema_Grammar());

    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            String xml = new String(Base64.getDecoder().decode(words[3]), StandardCharsets.UTF_8);
            try {
                System.out.println(encode(words[0], words[1].equals("fragment"), Integer.parseInt(words[2]), xml));
            } catch (Exception error) {
                System.out.println("! " + error.toString().replace('\n', ' '));
            }
        }
    }

    private static String encode(String set, boolean fragment, int capacity, String xml) throws Exception {
        EXIFactory factory = DefaultEXIFactory.newInstance();
        factory.setFidelityOptions(FidelityOptions.createDefault());
        factory.setGrammars(GRAMMARS.get(set));
        factory.setFragment(fragment);
        factory.setValuePartitionCapacity(capacity);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        EXIResult result = new EXIResult(factory);
        result.setOutputStream(out);
        SAXParserFactory parsers = SAXParserFactory.newInstance();
        parsers.setNamespaceAware(true);
        XMLReader reader = parsers.newSAXParser().getXMLReader();
        reader.setContentHandler(result.getHandler());
        reader.parse(new InputSource(new StringReader(xml)));
        return HexFormat.of().formatHex(out.toByteArray());
    }
}
