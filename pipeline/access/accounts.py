"""Who may do what: tokens, users who log in, sessions, and the throttle of failed logins."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_urlsafe
from threading import Lock
from time import monotonic

from detector.errors import UsageError
from pipeline.access.address import is_loopback, parse_address
from pipeline.access.config import Role, ServeConfig
from pipeline.access.passwords import hash_password, matches

SESSION_SECONDS = 12 * 3600.0  # a shift; a session that is used goes on
MAX_SESSIONS = 1000
FREE_ATTEMPTS = 5  # failed logins before the throttle begins
MAX_PAUSE = 300.0  # seconds
MAX_THROTTLED = 10_000  # names and addresses that the throttle remembers


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who was recognised. name: for the audit line"""

    name: str
    role: Role


class Access:
    """Recognises tokens and sessions; logs users in and out. Any thread may use it.

    Without users and tokens everybody on this machine is an admin; an address that other machines
    reach is then refused with UsageError.
    """

    def __init__(self, config: ServeConfig, clock: Callable[[], float] = monotonic) -> None:
        self.open = not (config.users or config.tokens)
        if self.open and not is_loopback(parse_address(config.address)[0]):
            raise UsageError(
                f"serve: {config.address} given: other machines reach it, and nobody has to log "
                "in: configure users or tokens, or serve at 127.0.0.1"
            )
        self._clock = clock
        self._users = config.users
        self._tokens: Mapping[bytes, Identity] = {
            _digest(each.token.get_secret_value()): Identity(name, each.role)
            for name, each in config.tokens.items()
        }
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()
        self._throttle = Throttle(clock)
        self._lock = Lock()
        # An unknown name must take as long as a wrong password.
        self._no_user = hash_password("") if config.users else ""

    def by_token(self, token: str) -> Identity | None:
        """Return whose token it is, None if nobody's."""
        digest, found = _digest(token), None
        for known, identity in self._tokens.items():
            if hmac.compare_digest(known, digest):
                found = identity
        return found

    def by_session(self, session: str) -> Identity | None:
        """Return whose session it is, None if it has ended; a session that is used goes on."""
        digest, now = _digest(session), self._clock()
        with self._lock:
            found = self._sessions.get(digest)
            if found is None or found.ends_at <= now:
                self._sessions.pop(digest, None)
                return None
            found.ends_at = now + SESSION_SECONDS
            self._sessions.move_to_end(digest)
            return found.identity

    def log_in(self, name: str, password: str, address: str) -> str | float | None:
        """Return a new session; None for a wrong name or password; or seconds to wait first.

        Takes some 0.1 s.
        """
        keys = (f"user {name}", f"address {address}")
        if wait := self._throttle.wait(keys):
            return wait
        user = self._users.get(name)
        right = matches(password, user.password if user else self._no_user or hash_password(""))
        if user is None or not right:
            self._throttle.failed(keys)
            return None
        self._throttle.forget(keys)
        session = token_urlsafe(32)
        with self._lock:
            ends_at = self._clock() + SESSION_SECONDS
            self._sessions[_digest(session)] = _Session(Identity(name, user.role), ends_at)
            if len(self._sessions) > MAX_SESSIONS:
                self._sessions.popitem(last=False)
        return session

    def log_out(self, session: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(_digest(session), None)


@dataclass(slots=True)
class _Session:
    identity: Identity
    ends_at: float


class Throttle:
    """After some failures each further attempt has to wait, twice as long each time.

    clock: seconds that never go back
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()  # count, free at
        self._lock = Lock()

    def wait(self, keys: tuple[str, ...]) -> float:
        """Return for how many seconds attempts are refused; 0: they are not."""
        now = self._clock()
        with self._lock:
            return max(0.0, *(self._failures.get(key, (0, now))[1] - now for key in keys))

    def failed(self, keys: tuple[str, ...]) -> None:
        """Note a failed attempt."""
        now = self._clock()
        with self._lock:
            for key in keys:
                count = self._failures.pop(key, (0, 0.0))[0] + 1
                pause = 0.0
                if count >= FREE_ATTEMPTS:
                    pause = min(MAX_PAUSE, 2.0 ** min(count - FREE_ATTEMPTS, 20))
                self._failures[key] = count, now + pause
            while len(self._failures) > MAX_THROTTLED:
                self._failures.popitem(last=False)

    def forget(self, keys: tuple[str, ...]) -> None:
        """Note that an attempt was right."""
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
