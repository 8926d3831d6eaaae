"""A whole V2G world of -2 certificates for tests and demonstrations, in memory or in a folder.

Nothing in it may ever be trusted outside a test rig: the private keys of all roots lie beside the leaves.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from pathlib import Path

from plugcharge.errors import LocalError
from plugcharge.identifiers import Emaid, Pcid
from plugcharge.pki.issuing import CertificateProfile, Issued, Issuer, KeyUse, subject
from plugcharge.pki.test_pki_files import write_files

__all__ = ["DEFAULT_EMAID", "DEFAULT_PCID", "DEFAULT_SECC_ID", "TestPki"]

DEFAULT_EMAID = "DEPLGC00000001"
DEFAULT_PCID = "PLG0000000000001A"
DEFAULT_SECC_ID = "DEPLGS000001"

_CA_USES = frozenset({KeyUse.CERT_SIGN, KeyUse.CRL_SIGN})
_ROOT = CertificateProfile(_CA_USES, ca=True)
_SUB1 = CertificateProfile(_CA_USES, ca=True, path_length=1)
_SUB2 = CertificateProfile(_CA_USES, ca=True, path_length=0)
_TARIFF_SUB2 = CertificateProfile(  # signs SalesTariffs as well
    _CA_USES | {KeyUse.DIGITAL_SIGNATURE, KeyUse.NON_REPUDIATION}, ca=True, path_length=0
)
_SECC = CertificateProfile(frozenset({KeyUse.DIGITAL_SIGNATURE, KeyUse.KEY_AGREEMENT}))
_CPS = CertificateProfile(frozenset({KeyUse.DIGITAL_SIGNATURE}))
_PROVISIONING = CertificateProfile(frozenset({KeyUse.DIGITAL_SIGNATURE, KeyUse.KEY_AGREEMENT}))  # [V2G2-822]
_CONTRACT = CertificateProfile(
    frozenset(
        {KeyUse.DIGITAL_SIGNATURE, KeyUse.NON_REPUDIATION, KeyUse.KEY_ENCIPHERMENT, KeyUse.KEY_AGREEMENT}
    )
)

_ORGANIZATION = "plugcharge test"
_ROOT_LIFE = timedelta(days=40 * 365)  # [V2G2-011]
_MO_ROOT_LIFE = timedelta(days=10 * 365)
_SUB_LIFE = timedelta(days=4 * 365)
_LEAF_LIFE = timedelta(days=90)
_CONTRACT_LIFE = timedelta(days=730)
_PROVISIONING_LIFE = timedelta(days=20 * 365)
_BACKDATED = timedelta(hours=1)  # so that a machine whose clock is a little late can use it at once


class TestPki:
    """Roots, sub-CAs and leaves of every role of -2, on P-256, each certificate at most 800 octets.

    Args:
        seed: makes every octet reproducible together with ``now``: for tests only, since whoever knows the
            seed has every private key. Without it the keys come from the system's random source.
        now: the present, with a time zone; validity starts one hour earlier.
        emaid: whose contract is issued.
        pcid: which car is provisioned.
        secc_id: CN of the station's certificate.
        days: validity of the contract and of the station's and CPS leaves; by default two years and 90 days.

    Attributes:
        v2g_root: trusts stations and the certificate provisioning service.
        cpo_sub1, cpo_sub2, secc: the station's branch; ``secc`` is the TLS leaf.
        mo_root, mo_sub1, mo_sub2, contract_leaf: the mobility operator's; ``mo_sub2`` also signs tariffs.
        oem_root, oem_sub1, oem_sub2, provisioning_leaf: the car maker's.
        cps_sub1, cps_sub2, cps: the provisioning service's, under the V2G root.

    Example:
        >>> from datetime import datetime, timezone
        >>> pki = TestPki(b"example", now=datetime(2026, 1, 1, tzinfo=timezone.utc))
        >>> pki.contract_leaf.common_name, len(pki.contract_leaf.chain)
        ('DEPLGC00000001', 3)
        >>> pki.contract("DEPLGC00000002").common_name
        'DEPLGC00000002'
    """

    __test__ = False  # its name makes pytest take it for a test class

    def __init__(
        self,
        seed: bytes | None = None,
        *,
        now: datetime,
        emaid: str = DEFAULT_EMAID,
        pcid: str = DEFAULT_PCID,
        secc_id: str = DEFAULT_SECC_ID,
        days: int | None = None,
    ) -> None:
        if now.tzinfo is None:
            raise LocalError(
                "the present needs a time zone", where="TestPki", advice="datetime.now(timezone.utc)"
            )
        if seed is not None and not seed:
            raise LocalError(
                "an empty seed is no seed", where="TestPki", advice="leave it out for random keys"
            )
        if days is not None and not 1 <= days <= _SUB_LIFE.days:
            raise LocalError(f"{days} days do not fit", where="TestPki", why=f"1 to {_SUB_LIFE.days}")
        self.now = now
        self._start = now - _BACKDATED
        self._issuer = Issuer(secrets.token_bytes(32) if seed is None else seed)
        self._leaf_life = timedelta(days=days) if days else _LEAF_LIFE
        self._contract_life = timedelta(days=days) if days else _CONTRACT_LIFE

        self.v2g_root = self._root("v2g_root", "V2G", _ROOT_LIFE)
        self.cpo_sub1, self.cpo_sub2 = self._subs("cpo", "CPO", self.v2g_root, "V2G")
        self.cps_sub1, self.cps_sub2 = self._subs("cps", "CPS", self.v2g_root, "CPS")
        self.mo_root = self._root("mo_root", "MO", _MO_ROOT_LIFE)
        self.mo_sub1, self.mo_sub2 = self._subs("mo", "MO", self.mo_root, "MO")
        self.oem_root = self._root("oem_root", "OEM", _ROOT_LIFE)
        self.oem_sub1, self.oem_sub2 = self._subs("oem", "OEM", self.oem_root, "OEM")

        self.secc = self.secc_leaf(secc_id)
        self.cps = self._leaf(
            "cps",
            "plugcharge test CPS",
            _CPS,
            issuer=self.cps_sub2,
            domain_component="CPS",  # [V2G2-925]
            validity=self._valid_for(self._leaf_life),
        )
        self.contract_leaf = self.contract(emaid)
        self.provisioning_leaf = self.provisioning(pcid)

    def contract(
        self,
        emaid: str,
        *,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        common_name: str | None = None,
    ) -> Issued:
        """Issue a contract certificate.

        Args:
            emaid: whose contract; it becomes the CN in its canonical form.
            not_before: start of validity; an hour before ``now`` by default.
            not_after: end of validity.
            common_name: a CN to use instead, as found in the field: with hyphens, in lower case, or another
                eMAID.

        Raises:
            IdentifierError: ``emaid`` is not an eMAID.
            LocalError: the dates do not fit.
        """
        name = Emaid.parse(emaid).canonical if common_name is None else common_name
        start, end = not_before or self._start, not_after or self.now + self._contract_life
        # The dates are part of the label: a renewed contract has a key and a serial number of its own.
        label = f"contract {name} {int(start.timestamp())} {int(end.timestamp())}"
        return self._leaf(
            label, name, _CONTRACT, issuer=self.mo_sub2, domain_component="MO", validity=(start, end)
        )

    def expired_contract(self, emaid: str = DEFAULT_EMAID) -> Issued:
        """Issue a contract certificate that ended a day before ``now``."""
        return self.contract(
            emaid, not_before=self.now - timedelta(days=400), not_after=self.now - timedelta(days=1)
        )

    def future_contract(self, emaid: str = DEFAULT_EMAID) -> Issued:
        """Issue a contract certificate that starts a day after ``now``."""
        return self.contract(emaid, not_before=self.now + timedelta(days=1))

    def stranger_contract(self, emaid: str = DEFAULT_EMAID) -> Issued:
        """Issue a contract certificate under an MO root that nobody trusts; the root is the last of its path.

        The strangers' CAs bear the same names as the known ones, so only their signatures tell them apart.
        """
        root = self._root("stranger_mo_root", "MO", _MO_ROOT_LIFE)
        _, sub2 = self._subs("stranger_mo", "MO", root, "MO")
        name = Emaid.parse(emaid).canonical
        return self._leaf(
            f"stranger contract {name}",
            name,
            _CONTRACT,
            issuer=sub2,
            domain_component="MO",
            validity=self._valid_for(self._contract_life),
        )

    def secc_leaf(self, secc_id: str, *, domain_component: str | None = "CPO") -> Issued:
        """Issue a station's TLS certificate; valid ones carry DC=CPO [V2G2-925]."""
        label = f"secc {secc_id} {domain_component}"
        return self._leaf(
            label,
            secc_id,
            _SECC,
            issuer=self.cpo_sub2,
            domain_component=domain_component,
            validity=self._valid_for(self._leaf_life),
        )

    def provisioning(self, pcid: str) -> Issued:
        """Issue the OEM provisioning certificate of a car [V2G2-933].

        Raises:
            IdentifierError: ``pcid`` is not a PCID.
        """
        name = Pcid.parse(pcid).as_sent
        return self._leaf(
            f"provisioning {name}",
            name,
            _PROVISIONING,
            issuer=self.oem_sub2,
            domain_component="OEM",
            validity=self._valid_for(_PROVISIONING_LIFE),
        )

    @property
    def authorities(self) -> tuple[Issued, ...]:
        """All roots and sub-CAs."""
        return (
            self.v2g_root,
            self.cpo_sub1,
            self.cpo_sub2,
            self.cps_sub1,
            self.cps_sub2,
            self.mo_root,
            self.mo_sub1,
            self.mo_sub2,
            self.oem_root,
            self.oem_sub1,
            self.oem_sub2,
        )

    @property
    def leaves(self) -> tuple[Issued, ...]:
        """The leaf of each role: station, contract, provisioning, CPS."""
        return (self.secc, self.contract_leaf, self.provisioning_leaf, self.cps)

    def write(self, directory: str | Path, *, force: bool = False) -> dict[str, Path]:
        """Write all certificates and keys as files, sorted by who needs them and explained in a README.md.

        Private keys are readable by their owner only from the moment they exist (mode 0600), folders are
        0700.

        Args:
            directory: made if missing; has to be empty unless ``force``.
            force: replace files that are there.

        Returns:
            File names relative to the folder, and their paths.

        Raises:
            LocalError: the folder is not empty, or cannot be written.
        """
        return write_files(
            Path(directory), leaves=self.leaves, authorities=self.authorities, now=self.now, force=force
        )

    def _root(self, label: str, domain_component: str, life: timedelta) -> Issued:
        name = subject(
            f"{domain_component} test root", organization=_ORGANIZATION, domain_component=domain_component
        )
        return self._issuer.issue(
            label, name, _ROOT, issuer=None, not_before=self._start, not_after=self.now + life
        )

    def _subs(self, label: str, role: str, root: Issued, domain_component: str) -> tuple[Issued, Issued]:
        issuer, made = root, []
        for number in (1, 2):
            profile = _SUB1 if number == 1 else _TARIFF_SUB2 if role == "MO" else _SUB2
            name = subject(
                f"{role} test sub {number}", organization=_ORGANIZATION, domain_component=domain_component
            )
            issuer = self._issuer.issue(
                f"{label}_sub{number}",
                name,
                profile,
                issuer=issuer,
                not_before=self._start,
                not_after=self.now + _SUB_LIFE,
            )
            made.append(issuer)
        return made[0], made[1]

    def _leaf(
        self,
        label: str,
        common_name: str,
        profile: CertificateProfile,
        *,
        issuer: Issued,
        domain_component: str | None,
        validity: tuple[datetime, datetime],
    ) -> Issued:
        name = subject(
            common_name, organization=_ORGANIZATION, domain_component=domain_component, country="DE"
        )
        return self._issuer.issue(
            label, name, profile, issuer=issuer, not_before=validity[0], not_after=validity[1]
        )

    def _valid_for(self, life: timedelta) -> tuple[datetime, datetime]:
        return self._start, self.now + life
