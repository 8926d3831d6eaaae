"""TLS as a sans-I/O engine: octets in, octets out, and one profile object per protocol.

Built on pyOpenSSL with memory buffers. A context (:class:`TlsServerContext`, :class:`TlsClientContext`) is
built once and makes one engine per connection. Nothing falls back silently: what a profile does not name is
refused.

**Verification.** V2G chains are no web chains (their purposes, roots and host names follow other rules), so
OpenSSL's own verification is off and the car's side *requires* a function ``verify_station`` that gets the
DER chain as the station sent it and raises when it must not be trusted. It runs when the handshake
completes and before any application octet is sent or handed out; without its consent nothing passes. No
host name is checked: a station is recognised by the DC of its certificate [V2G2-925], which path validation
looks at.

**What cannot be done here.** pyOpenSSL has no call for two extensions of the -2 profile: ``trusted_ca_keys``
[V2G2-651] and ``status_request_v2`` (one OCSP response per certificate, [V2G2-871]). They are neither sent
nor understood, as in every open implementation of -2. The other suite of -2,
``TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256`` (static ECDH), is gone from OpenSSL.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from plugcharge.errors import LocalError, PlugchargeError, TlsError
from plugcharge.transport.identity import TlsIdentity

__all__ = [
    "ISO2",
    "DangerWarning",
    "KeyLog",
    "TlsClient",
    "TlsClientContext",
    "TlsEngine",
    "TlsIdentity",
    "TlsProfile",
    "TlsServer",
    "TlsServerContext",
    "VerifyStation",
]

VerifyStation = Callable[[Sequence[bytes]], None]
"""Gets the chain as DER, leaf first; returns when it may be trusted and raises otherwise."""

KeyLog = Callable[[bytes], None]
"""Gets one line of the NSS key log format, without line end."""

_PLAINTEXT_PIECE = 16_384
_CIPHERTEXT_PIECE = 65_536


class DangerWarning(UserWarning):
    """Somebody switched on something that weakens security."""


@dataclass(frozen=True, slots=True)
class TlsProfile:
    """What TLS may look like for one protocol; there is exactly one version, so no downgrade exists.

    Attributes:
        name: for messages to people.
        version: the only TLS version, as on the wire (``0x0303`` is TLS 1.2).
        suites: cipher suites by their OpenSSL names, best first.
        curve: the only curve, for the key exchange and for the server's key.
    """

    name: str
    version: int
    suites: tuple[str, ...]
    curve: ec.EllipticCurve = field(default_factory=ec.SECP256R1)


ISO2 = TlsProfile(
    name="ISO 15118-2",
    version=SSL.TLS1_2_VERSION,
    suites=("ECDHE-ECDSA-AES128-SHA256",),  # TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256
)
"""TLS 1.2 only, one suite, secp256r1 [V2G2-007]; no compression, tickets, resumption or renegotiation."""


class TlsServerContext:
    """The station's side: presents a chain and asks the car for none [ISO 15118-2 authenticates it later].

    Args:
        profile: such as :data:`ISO2`.
        identity: chain and key.
        danger_keylog: gets the secrets of every connection, so that recordings can be decrypted. Test rigs
            only.

    Raises:
        LocalError: the key is not of the profile's curve.
    """

    def __init__(
        self, profile: TlsProfile, identity: TlsIdentity, *, danger_keylog: KeyLog | None = None
    ) -> None:
        if not isinstance(identity.key, ec.EllipticCurvePrivateKey) or (
            identity.key.curve.name != profile.curve.name
        ):
            raise LocalError(
                f"the key cannot be used with {profile.name}",
                where=identity.origin,
                why=f"an elliptic curve key on {profile.curve.name} is needed [V2G2-007]",
            )
        self.profile = profile
        self._context = _new_context(SSL.TLS_SERVER_METHOD, profile, danger_keylog)
        leaf, *issuers = identity.certificates
        self._context.use_certificate(leaf)
        for issuer in issuers:
            self._context.add_extra_chain_cert(issuer)
        self._context.use_privatekey(identity.key)

    def new_connection(self) -> TlsServer:
        """Make the engine for one connection that was accepted."""
        return TlsServer(self.profile, SSL.Connection(self._context, None))


class TlsClientContext:
    """The car's side: verifies the station through ``verify_station`` and presents no certificate.

    Args:
        profile: such as :data:`ISO2`.
        verify_station: decides about the chain; whatever it raises ends the connection. It cannot be left
            out.
        danger_keylog: gets the secrets of every connection, so that recordings can be decrypted. Test rigs
            only.
    """

    def __init__(
        self, profile: TlsProfile, verify_station: VerifyStation, *, danger_keylog: KeyLog | None = None
    ) -> None:
        if not callable(verify_station):
            raise LocalError("verify_station has to be callable", where="TlsClientContext")
        self.profile = profile
        self._verify_station = verify_station
        self._context = _new_context(SSL.TLS_CLIENT_METHOD, profile, danger_keylog)
        # The chain is judged by verify_station, see the module's docstring.
        self._context.set_verify(SSL.VERIFY_NONE, None)

    def new_connection(self) -> TlsClient:
        """Make the engine for one connection; it has the ClientHello ready to send."""
        return TlsClient(self.profile, SSL.Connection(self._context, None), self._verify_station)


class TlsEngine:
    """One TLS connection without a socket; made by a context.

    Write what :meth:`data_to_send` gives after every other call, also after an error: it may hold an alert.

    Attributes:
        profile: the rules of this connection.
        handshake_done: application octets may pass; on the car's side the station's chain was accepted.
        peer_closed: the peer said that it will send no more (``close_notify``).
        failure: why the connection is broken; ``None`` while it is not.
        peer_chain: the peer's certificates as DER, leaf first; empty on the station's side.
    """

    def __init__(self, profile: TlsProfile, connection: SSL.Connection) -> None:
        self.profile = profile
        self.handshake_done = False
        self.peer_closed = False
        self.failure: PlugchargeError | None = None
        self.peer_chain: tuple[bytes, ...] = ()
        self._connection = connection
        self._closed = False

    @property
    def suite(self) -> str:
        """The cipher suite in use, by its OpenSSL name; empty before the handshake."""
        return self._connection.get_cipher_name() or ""

    def receive(self, data: bytes) -> list[bytes]:
        """Take octets from the peer and give the application octets they hold.

        When a fault follows good octets in the same call, those are given and :attr:`failure` is set.

        Raises:
            TlsError: the peer broke TLS or nothing could be agreed on. The engine is dead afterwards.
            Exception: whatever ``verify_station`` raised. The engine is dead afterwards.
        """
        if self.failure is not None:
            raise self.failure
        if self._closed and not self.handshake_done:
            raise LocalError("this TLS connection was closed before its handshake ended", where="TLS")
        if data:
            self._connection.bio_write(data)
        if not self.handshake_done and not self._shake_hands():
            return []
        return self._decrypt()

    def send(self, plaintext: bytes) -> None:
        """Encrypt application octets.

        Raises:
            LocalError: before the handshake is done or after :meth:`close`.
            TlsError: the connection is broken.
        """
        if self.failure is not None:
            raise self.failure
        if not self.handshake_done or self._closed:
            state = "closed" if self._closed else "not ready"
            raise LocalError(f"nothing can be sent: the TLS connection is {state}", where="TLS")
        if not plaintext:
            return
        try:
            self._connection.sendall(plaintext)
        except SSL.Error as error:
            raise self._fail("the TLS connection broke", error) from error

    def data_to_send(self) -> bytes:
        """Give the octets to write to the peer now; empty when there are none."""
        pieces = []
        try:
            while True:
                pieces.append(self._connection.bio_read(_CIPHERTEXT_PIECE))
        except SSL.WantReadError:
            return b"".join(pieces)

    def close(self) -> None:
        """Say that no more octets will come (``close_notify``); may be called at any time, even twice."""
        if self._closed:
            return
        self._closed = True
        if self.handshake_done and self.failure is None:
            self._say_goodbye()

    def _shake_hands(self) -> bool:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            raise self._fail("the TLS handshake failed", error) from error
        self._check_agreement()
        try:
            self._authenticate_peer()
        except PlugchargeError as refusal:
            self.failure = refusal
            self._say_goodbye()
            raise
        except BaseException:
            self.failure = TlsError("the peer's chain could not be checked", where=self.profile.name)
            self._say_goodbye()
            raise
        self.handshake_done = True
        return True

    def _authenticate_peer(self) -> None:
        """Raise unless the peer may be talked to."""
        raise NotImplementedError

    def _check_agreement(self) -> None:
        """Make sure that OpenSSL agreed on what the profile says, whatever its build or configuration."""
        version, suite = self._connection.get_protocol_version(), self.suite
        if version != self.profile.version or suite not in self.profile.suites:
            self.failure = TlsError(
                f"TLS version {version:#06x} with {suite} was agreed on", where=self.profile.name
            )
            raise self.failure

    def _decrypt(self) -> list[bytes]:
        pieces: list[bytes] = []
        try:
            while True:
                pieces.append(self._connection.recv(_PLAINTEXT_PIECE))
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.peer_closed = True
        except SSL.Error as error:
            failure = self._fail("the TLS connection broke", error)
            if not pieces:
                raise failure from error
        return pieces

    def _say_goodbye(self) -> None:
        try:
            self._connection.shutdown()
        except SSL.Error:
            # The connection is beyond goodbyes; there is nothing left to protect.
            return

    def _fail(self, what: str, error: SSL.Error) -> TlsError:
        reason = _reason(error)
        failure = TlsError(what, alert=reason, where=self.profile.name, why=reason)
        self.failure = failure
        return failure


class TlsServer(TlsEngine):
    """The station's end of one connection; made by :meth:`TlsServerContext.new_connection`."""

    def __init__(self, profile: TlsProfile, connection: SSL.Connection) -> None:
        super().__init__(profile, connection)
        connection.set_accept_state()

    def _authenticate_peer(self) -> None:
        """Nothing to do in -2: the car proves its contract in the messages."""


class TlsClient(TlsEngine):
    """The car's end of one connection; made by :meth:`TlsClientContext.new_connection`."""

    def __init__(
        self, profile: TlsProfile, connection: SSL.Connection, verify_station: VerifyStation
    ) -> None:
        super().__init__(profile, connection)
        self._verify_station = verify_station
        connection.set_connect_state()
        self._shake_hands()

    def _authenticate_peer(self) -> None:
        try:
            chain = self._connection.get_peer_cert_chain(as_cryptography=True) or []
            self.peer_chain = tuple(
                certificate.public_bytes(serialization.Encoding.DER) for certificate in chain
            )
        except ValueError as error:
            raise TlsError(
                "the station's certificates cannot be read", where=self.profile.name, why=str(error)
            ) from error
        if not self.peer_chain:
            raise TlsError("the station presented no certificate", where=self.profile.name)
        self._verify_station(self.peer_chain)


def _new_context(method: int, profile: TlsProfile, danger_keylog: KeyLog | None) -> SSL.Context:
    context = SSL.Context(method)
    context.set_min_proto_version(profile.version)
    context.set_max_proto_version(profile.version)
    context.set_options(
        SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_TICKET | SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE
    )
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    try:
        context.set_cipher_list(":".join(profile.suites).encode("ascii"))
        context.set_tmp_ecdh(profile.curve)
    except SSL.Error as error:
        raise LocalError(
            f"this build of OpenSSL cannot do the TLS of {profile.name}",
            where="TLS",
            why=_reason(error),
            advice="install a cryptography wheel from the package index, or another OpenSSL",
        ) from error
    if danger_keylog is not None:
        warnings.warn(
            f"TLS secrets of {profile.name} connections are given away (danger_keylog): test rigs only",
            DangerWarning,
            stacklevel=3,
        )
        log = danger_keylog
        context.set_keylog_callback(lambda _connection, line: log(line))
    return context


def _reason(error: SSL.Error) -> str:
    """Give OpenSSL's reason as a short text, such as ``no shared cipher``."""
    queue = error.args[0] if error.args else []
    if isinstance(queue, list) and queue:
        return str(queue[-1][-1])
    return str(error) or type(error).__name__
