"""Content Credentials (C2PA): there or not, and, where the optional package c2pa-python is installed, what
their signature is worth.

Two questions are kept apart. *Is the signature valid?* Then nothing was changed since someone signed. *Is the
signer trusted?* Then a certificate authority on the C2PA trust list knows who that someone is: without it,
anybody can sign anything.
"""

from __future__ import annotations

import io
import json
from typing import Any

from detector.printable import first_line
from detector.provenance.finding import Finding, finding
from detector.provenance.generators import names_a_generator, source_type

KIND, TITLE = "content credentials", "Content Credentials"
UNCHECKED = "Not checked: install the optional package c2pa-python and open the picture again."
SETTINGS = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
"""Nothing is fetched from anywhere: neither manifests kept elsewhere nor lists of revoked certificates."""

MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
    "HEIF": "image/heif",
    "JXL": "image/jxl",
}
FAILURES = {
    "assertion.dataHash.mismatch": "the picture was changed after it was signed",
    "assertion.bmffHash.mismatch": "the picture was changed after it was signed",
    "assertion.boxesHash.mismatch": "the picture was changed after it was signed",
    "assertion.hashedURI.mismatch": "a statement was changed after it was signed",
    "claimSignature.mismatch": "the signature does not fit what it signs",
    "claimSignature.missing": "the signature is missing",
    "signingCredential.expired": "the certificate had expired",
    "signingCredential.invalid": "the certificate may not sign pictures",
    "signingCredential.ocsp.revoked": "the certificate was revoked",
}
UNTRUSTED = "signingCredential.untrusted"
MAX_STEPS = 12


def credentials(content: bytes, picture_format: str, manifest: bytes, where: str) -> list[Finding]:
    """What a C2PA manifest store in a file says; first whether it holds, where that can be checked."""
    try:
        import c2pa
    except Exception:  # not installed, or installed without its native part
        return _unchecked(manifest, UNCHECKED, where)
    if not hasattr(c2pa, "Context"):
        return _unchecked(
            manifest,
            "Not checked: the installed c2pa-python is too old to be kept from fetching things. Update it.",
            where,
        )
    try:
        context = c2pa.Context.from_dict(SETTINGS)
        with c2pa.Reader(MEDIA_TYPES.get(picture_format), io.BytesIO(content), None, context) as reader:
            store = json.loads(reader.json())
        return _checked(store, where)
    except Exception as error:  # c2pa.C2paError, and whatever a manifest of odd shape leads to
        return _unchecked(
            manifest,
            f"Could not be checked, which a damaged manifest explains: {first_line(error)}.",
            where,
        )


def _unchecked(manifest: bytes, why: str, where: str) -> list[Finding]:
    """Presence, and what can be read in a manifest without checking it."""
    found = [finding(KIND, TITLE, "present, not checked", why, where)]
    for name in (b"compositeWithTrainedAlgorithmicMedia", b"trainedAlgorithmicMedia"):
        declared = source_type(name.decode())
        if declared and name in manifest:
            kind, words, suggests = declared
            found.append(
                finding(
                    kind,
                    "Digital source type, in Content Credentials",
                    f"{words} (not checked)",
                    suggests,
                    where,
                )
            )
            break
    return found


def _checked(store: dict[str, Any], where: str) -> list[Finding]:
    manifests = store["manifests"]
    active = manifests[store["active_manifest"]]
    signature = active.get("signature_info") or {}
    results = (store.get("validation_results") or {}).get("activeManifest") or {}
    passed = {entry.get("code") for entry in results.get("success", [])}
    failed = [entry.get("code", "") for entry in results.get("failure", store.get("validation_status", []))]
    broken = [code for code in failed if code != UNTRUSTED]
    valid = store.get("validation_state") in ("Valid", "Trusted") and not broken
    trusted = UNTRUSTED not in failed and (
        store.get("validation_state") == "Trusted" or "signingCredential.trusted" in passed
    )

    reasons = (
        "; ".join(dict.fromkeys(FAILURES.get(code, code) for code in broken))
        or "the checks it needs did not pass"
    )
    who = (
        ", ".join(str(signature[key]) for key in ("common_name", "issuer") if signature.get(key))
        or "nobody named"
    )
    found = [
        finding(
            KIND, "Signature valid", "yes" if valid else f"no: {reasons}", _about_signature(valid), where
        ),
        finding(KIND, "Signer trusted", "yes" if trusted else "no", _about_signer(trusted), where),
        finding(
            KIND,
            "Signed by",
            who,
            "As the certificate says." if trusted else "So the certificate says, for which nobody vouches.",
            where,
        ),
    ]
    if maker := _claim_generator(active):
        found.append(
            finding(KIND, "Written by", maker, "The program that wrote the Content Credentials.", where)
        )
    others = [manifest for label, manifest in manifests.items() if label != store["active_manifest"]]
    found += _history(active, "", valid and trusted, where)
    for manifest in others[:MAX_STEPS]:
        found += [
            step
            for step in _history(manifest, " of an earlier version", valid and trusted, where)
            if step.kind == "declared AI"
        ]
    return found


def _about_signature(valid: bool) -> str:
    if valid:
        return (
            "The picture and these statements are as they were signed. Whether they are true is another"
            " matter."
        )
    return "Do not rely on these statements."


def _about_signer(trusted: bool) -> str:
    if trusted:
        return "The certificate leads to an authority on the trust list of the installed c2pa-python."
    return "Nobody on the trust list vouches for the certificate: anyone can make one in any name."


def _claim_generator(manifest: dict[str, Any]) -> str:
    information = manifest.get("claim_generator_info") or []
    names = [
        " ".join(str(entry[key]) for key in ("name", "version") if entry.get(key))
        for entry in information[:MAX_STEPS]
    ]
    return ", ".join(filter(None, names)) or str(manifest.get("claim_generator") or "")


def _history(manifest: dict[str, Any], when: str, vouched_for: bool, where: str) -> list[Finding]:
    """What was done to the picture, and the digital source types that are declared on the way."""
    steps, found = [], []
    for assertion in manifest.get("assertions", []):
        if not str(assertion.get("label", "")).startswith("c2pa.actions"):
            continue
        for action in (assertion.get("data") or {}).get("actions", [])[:MAX_STEPS]:
            agent = action.get("softwareAgent") or ""
            agent = str(agent.get("name", "")) if isinstance(agent, dict) else str(agent)
            steps.append(
                str(action.get("action", "?")).removeprefix("c2pa.") + (f" with {agent}" if agent else "")
            )
            if declared := source_type(str(action.get("digitalSourceType", ""))):
                kind, words, suggests = declared
                if vouched_for:
                    suggests = "The signer declares this, and the signature holds."
                found.append(
                    finding(
                        kind, f"Digital source type{when}, in Content Credentials", words, suggests, where
                    )
                )
            elif agent and names_a_generator(agent):
                found.append(
                    finding(
                        "generator trace",
                        f"Made with{when}, in Content Credentials",
                        agent,
                        "This names an image generator.",
                        where,
                    )
                )
    if steps:
        found.append(
            finding(
                KIND,
                f"History{when}",
                ", ".join(steps),
                "What the signer says was done to the picture.",
                where,
            )
        )
    return found
