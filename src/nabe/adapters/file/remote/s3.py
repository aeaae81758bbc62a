"""Files in S3-compatible storage: lists and objects over signed requests (SigV4), sent by the client that all use."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from nabe.adapters.file.remote.copies import Copy, Fetched, RemoteFile, keep
from nabe.adapters.file.remote.walk import fits, is_pattern, literal, sound, vetted
from nabe.adapting.places import MOST_FILES
from nabe.errors import SourceRefused
from nabe.outbound import Answer, Client

#: Bytes of one page of a list.
MOST_LIST = 10_000_000
#: Keys that are looked through for one pattern.
_MOST_KEYS = 200_000


@dataclass(frozen=True, slots=True)
class Keys:
    """Access key and secret; without them a bucket is asked as a stranger."""

    access: str = ""
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


class S3:
    """A bucket, below a prefix. Requests name the bucket in the path, which every server understands."""

    def __init__(
        self,
        client: Client,
        lists: Client,
        *,
        endpoint: str,
        region: str,
        bucket: str,
        prefix: str,
        keys: Callable[[], Keys],
    ) -> None:
        self._client, self._lists, self._keys = client, lists, keys
        self._endpoint, self._region = endpoint.rstrip("/"), region
        self._bucket, self._prefix = bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    @contextmanager
    def session(self) -> Iterator[S3]:
        """Requests stand for themselves."""
        yield self

    def find(self, path: str) -> list[RemoteFile]:
        """The object, or those of a pattern."""
        system = self._client.system
        path = vetted(system, path)
        if is_pattern(path):
            start = literal(path)
            found = [item for item in self._listed(f"{start}/" if start else "") if fits(item.key, path)]
        else:  # of all keys that begin so the key itself comes first
            found = [item for item in self._page(path, "", 1)[0] if item.key == path]
        if not found:
            raise SourceRefused(system, f"no file is named {path!r}.", hint="Correct source.path.")
        return found

    def fetch(self, file: RemoteFile, known: Copy | None, draft: Path) -> Fetched | None:
        """Download it."""
        answer = self._ask(self._client, quote(self._prefix + file.key, safe="/~"), "")
        with contextlib.closing(answer):
            self._judge(answer)
            keep(answer.chunks(), draft)
        return Fetched(answer.headers.get("etag", ""), answer.headers.get("last-modified", ""))

    def check(self) -> None:
        """Does it answer and let us in?"""
        self._page("", "", 1)

    def close(self) -> None:
        """Free connections."""
        self._client.close()
        self._lists.close()

    def _listed(self, start: str) -> Iterator[RemoteFile]:
        """Objects whose path begins so, in the order of their keys."""
        token, seen, kept = "", 0, 0
        while True:
            page, token = self._page(start, token, 1000)
            seen += len(page)
            for item in page:
                if all(map(sound, item.key.split("/"))):
                    kept += 1
                    yield item
            if not token:
                return
            if not page or seen > _MOST_KEYS or kept > 10 * MOST_FILES:
                raise SourceRefused(
                    self._client.system,
                    f"the bucket holds too many objects below {start!r}.",
                    hint="Narrow the prefix.",
                )

    def _page(self, start: str, token: str, most: int) -> tuple[list[RemoteFile], str]:
        query = {"list-type": "2", "max-keys": str(most), "prefix": self._prefix + start, "encoding-type": "url"}
        if token:
            query["continuation-token"] = token
        text = "&".join(f"{quote(name, safe='-_.~')}={quote(query[name], safe='-_.~')}" for name in sorted(query))
        answer = self._ask(self._lists, "", text)
        with contextlib.closing(answer):
            self._judge(answer)
            body = answer.read()
        return read_page(self._client.system, body, self._prefix)

    def _ask(self, client: Client, key: str, query: str) -> Answer:
        """One signed request. A redirect is no answer: what was signed holds for this address."""
        url = f"{self._endpoint}/{quote(self._bucket, safe='')}/{key}" + (f"?{query}" if query else "")
        return client.ask(url, headers=self._signed(url), follow=False)

    def _signed(self, url: str) -> dict[str, str]:
        keys = self._keys()
        if not keys.access:
            return {}
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        request = AWSRequest("GET", url, headers={"Host": urlsplit(url).netloc})
        credentials = Credentials(keys.access, keys.secret, keys.token or None)
        S3SigV4Auth(credentials, "s3", self._region).add_auth(request)
        return {name: value for name, value in request.headers.items() if name.lower() != "host"}

    def _judge(self, answer: Answer) -> None:
        system = self._client.system
        if answer.status == 404:
            raise SourceRefused(system, "there is no such bucket or object.", hint="Correct the location.")
        if answer.status in (401, 403):
            raise SourceRefused(
                system,
                f"the storage refuses the log-in ({answer.status}).",
                hint="Check access_key, secret_key, region.",
            )
        if 300 <= answer.status < 400 or answer.status == 400:
            raise SourceRefused(
                system, f"the storage answers with {answer.status}.", hint="Check endpoint and region of the system."
            )
        answer.judge()


def read_page(system: str, body: bytes, prefix: str) -> tuple[list[RemoteFile], str]:
    """Objects of a ListObjectsV2 answer, and the token of the next page (empty: this was the last)."""
    from urllib.parse import unquote_plus

    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    kind = etree.QName(root).localname if root is not None and isinstance(root.tag, str) else ""
    if root is None or kind != "ListBucketResult" or root.getroottree().docinfo.internalDTD is not None:
        raise SourceRefused(system, "the storage's list of objects cannot be read.", hint="Is the endpoint S3?")
    space = f"{{{etree.QName(root).namespace}}}" if etree.QName(root).namespace else ""
    coded = root.findtext(f"{space}EncodingType") == "url"
    found = []
    for item in root.iterfind(f"{space}Contents"):
        key = item.findtext(f"{space}Key") or ""
        key = unquote_plus(key) if coded else key
        if not key.startswith(prefix) or key.endswith("/"):
            continue
        size = item.findtext(f"{space}Size") or ""
        path = key[len(prefix) :]
        changed, etag = item.findtext(f"{space}LastModified") or "", item.findtext(f"{space}ETag") or ""
        found.append(
            RemoteFile(
                path,
                path.rpartition("/")[2],
                path,
                f"{etag}:{changed}" if etag else "",
                int(size) if size.isdecimal() and len(size) < 18 else -1,
                _moment(changed),
            )
        )
    more = root.findtext(f"{space}IsTruncated") == "true"
    return found, (root.findtext(f"{space}NextContinuationToken") or "") if more else ""


def _moment(text: str) -> float:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()


__all__ = ["MOST_LIST", "S3", "Keys", "read_page"]
