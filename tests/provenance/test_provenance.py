"""What files say of themselves: real little files, made here, honest and hostile."""

import io
import json
import struct
import sys
import time
import tracemalloc
import zlib
from types import SimpleNamespace

import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from detector.__main__ import _content, _say, _say_json
from detector.provenance import file_facts
from detector.provenance.containers import MAX_BYTES
from detector.provenance.finding import MAX_VALUE

SETTINGS = (
    "a cat on a mat\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512,"
    " Model: v1-5"
)
XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/"
xmlns:iptc="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:dc="http://purl.org/dc/elements/1.1/"
{attributes}>{elements}</rdf:Description>
</rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""
CHANGED = "the picture was changed after it was signed"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def picture(picture_format: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((32, 24)).convert("RGB").save(buffer, picture_format, **options)
    return buffer.getvalue()


def exif(
    texts: dict[int, object], sub: dict[int, object] | None = None, gps: dict[int, object] | None = None
) -> Image.Exif:
    block = Image.Exif()
    for tag, value in texts.items():
        block[tag] = value
    for tag, values in ((0x8769, sub), (0x8825, gps)):
        if values:
            block.get_ifd(tag).update(values)
    return block


def xmp(attributes: str = "", elements: str = "") -> bytes:
    return XMP.format(attributes=attributes, elements=elements).encode()


def png_with(*chunks: tuple[bytes, bytes]) -> bytes:
    """A picture with chunks after its header."""
    content = picture()
    packed = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return content[:33] + packed + content[33:]


def jpeg_with(*segments: tuple[int, bytes]) -> bytes:
    content = picture("JPEG")
    return (
        content[:2]
        + b"".join(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments)
        + content[2:]
    )


def manifest(inside: bytes = b"") -> bytes:
    """The outer boxes of a C2PA manifest store; what is inside is not well-formed."""
    description = (
        struct.pack(">I4s", 25 + 5, b"jumd")
        + b"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71\x03c2pa\x00"
    )
    return struct.pack(">I4s", 8 + len(description) + len(inside), b"jumb") + description + inside


def said(content: bytes) -> dict[str, tuple[str, str]]:
    """label -> (kind, value)."""
    return {entry.label: (entry.kind, entry.value) for entry in file_facts(content).findings}


@pytest.fixture(autouse=True)
def without_c2pa(monkeypatch):
    """As on a machine without the optional package, whether it is installed here or not."""
    monkeypatch.setitem(sys.modules, "c2pa", None)


# ---- what every file has, and what it lacks ----


@pytest.mark.parametrize("picture_format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_format_dimensions_and_size_of_a_file_without_metadata(picture_format):
    content = picture(picture_format)
    facts = file_facts(content)
    assert (facts.format, facts.width, facts.height, facts.size) == (picture_format, 32, 24, len(content))
    assert facts.findings == facts.notes == ()
    assert facts.silent
    assert facts.summary == "No metadata. That says nothing: most sites and messengers strip it."


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\xff\xd8",
        b"\x89PNG\r\n\x1a\n",
        b"II*\0",
        b"RIFF\0\0\0\0WEBP",
        b"\0\0\0\0ftyp",
        b"GIF89a",
    ],
)
def test_what_is_no_picture_is_said_to_be_none(content):
    facts = file_facts(content)
    assert (facts.format, facts.width) == ("", None)
    assert "no picture that can be read" in facts.notes[0]
    assert facts.summary == "No metadata was found."


def test_a_copyright_alone_is_absence_of_evidence():
    facts = file_facts(picture("JPEG", exif=exif({0x8298: "Jane Doe"})))
    assert [(entry.label, entry.value) for entry in facts.findings] == [("Copyright", "Jane Doe")]
    assert facts.silent
    assert "absence of evidence" in facts.summary


# ---- cameras ----


@pytest.mark.parametrize("picture_format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_camera_lens_software_date_and_location_from_exif(picture_format):
    gps = {1: "S", 2: (33.0, 51.0, 30.0), 3: "E", 4: (151.0, 12.0, 36.0)}
    sub = {0xA434: "RF 50mm", 0x9003: "2024:05:06 07:08:09", 0x927C: b"secret"}
    block = exif({0x010F: "Canon", 0x0110: "EOS R5", 0x0131: "Firmware 1.2"}, sub, gps)
    content = picture(picture_format, exif=block)
    facts, found = file_facts(content), said(content)
    assert found["Camera"] == ("camera", "Canon EOS R5")
    assert found["Lens"] == ("camera", "RF 50mm")
    assert found["Maker note"] == ("camera", "present")
    assert found["Software"] == ("software", "Firmware 1.2")
    assert found["Taken"] == ("date", "2024:05:06 07:08:09")
    assert found["Location"] == ("location", "has a location")
    assert facts.coordinates == pytest.approx((-33.858333, 151.21), abs=1e-6)
    assert "33." not in json.dumps(facts.to_json())
    assert not facts.silent


@pytest.mark.parametrize(
    ("maker", "model", "camera"),
    [
        ("Canon", "Canon EOS R5", "Canon EOS R5"),
        ("NIKON CORPORATION", "NIKON D850", "NIKON D850"),
        ("Apple", "iPhone 15", "Apple iPhone 15"),
    ],
)
def test_a_camera_is_not_called_by_its_makers_name_twice(maker, model, camera):
    found = said(picture("JPEG", exif=exif({0x010F: maker, 0x0110: model})))
    assert found["Camera"] == ("camera", camera)


def test_the_camera_and_xmp_in_the_tags_of_a_tiff():
    found = said(picture("TIFF", exif=exif({0x010F: "Canon", 0x02BC: xmp('xmp:CreatorTool="Lightroom"')})))
    assert found == {"Camera": ("camera", "Canon"), "Creator tool": ("software", "Lightroom")}


def test_the_profiles_name_is_read():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for picture_format in ("JPEG", "PNG", "WEBP", "TIFF"):
        assert said(picture(picture_format, icc_profile=profile)) == {
            "Colour profile": ("colour profile", "sRGB built-in")
        }


# ---- generators ----


def png_text(keyword: str, text: str, packed: bool = False, international: bool = False) -> bytes:
    chunks = PngInfo()
    (chunks.add_itxt if international else chunks.add_text)(keyword, text, zip=packed)
    return picture(pnginfo=chunks)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("international", [False, True])
def test_stable_diffusion_settings_in_every_kind_of_png_text(packed, international):
    kind, value = said(png_text("parameters", SETTINGS, packed, international))["Stable Diffusion settings"]
    assert kind == "generator trace"
    assert value.startswith("a cat on a mat Negative prompt: dog Steps: 20")


@pytest.mark.parametrize(
    ("keyword", "text", "title"),
    [
        ("prompt", '{"3": {"class_type": "KSampler", "inputs": {}}}', "ComfyUI workflow"),
        ("workflow", '{"last_node_id": 9, "nodes": [], "links": []}', "ComfyUI workflow"),
        ("invokeai_metadata", '{"app_version": "4.0"}', "InvokeAI settings"),
        ("Dream", "a cat -s 20", "InvokeAI settings"),
        ("Comment", '{"prompt": "cat", "steps": 28, "sampler": "k_euler", "uc": "dog"}', "NovelAI settings"),
        ("Description", "a cat --v 6.0 Job ID: 01234567-89ab-cdef-0123-456789abcdef", "Midjourney job"),
        ("parameters", '{"sui_image_params": {"prompt": "cat"}}', "SwarmUI settings"),
        ("fooocus_scheme", "a1111", "Fooocus settings"),
        ("AIGC", '{"AIGC": {"Label": "1"}}', "AI content label (AIGC)"),
    ],
)
def test_what_generators_leave_in_png_text(keyword, text, title):
    assert said(png_text(keyword, text))[title][0] == "generator trace"


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("Comment", "Steps: up the stairs. Sampler: a record"),
        ("Software", "GIMP 2.10"),
        ("Description", "Leonardo, flux"),
        ("prompt", "{}"),
    ],
)
def test_ordinary_texts_are_no_traces(keyword, text):
    assert {kind for kind, _ in said(png_text(keyword, text)).values()} <= {"text", "software"}


@pytest.mark.parametrize("order", ["utf-16-be", "utf-16-le"])
@pytest.mark.parametrize("picture_format", ["JPEG", "WEBP"])
def test_stable_diffusion_settings_in_an_exif_comment(picture_format, order):
    content = picture(picture_format, exif=exif({}, {0x9286: b"UNICODE\0" + SETTINGS.encode(order)}))
    assert said(content)["Stable Diffusion settings"][1].startswith("a cat on a mat Negative prompt")


def test_a_workflow_in_the_place_of_the_cameras_name_is_no_camera():
    found = said(
        picture(
            "WEBP",
            exif=exif(
                {
                    0x0110: 'prompt:{"1": {"class_type": "KSampler"}}',
                    0x010F: 'workflow:{"nodes": [], "links": []}',
                }
            ),
        )
    )
    assert set(found) == {"ComfyUI workflow"}


@pytest.mark.parametrize("software", ["NovelAI", "Adobe Firefly 3", "DALL·E 3"])
def test_software_that_is_a_generator_is_a_trace(software):
    assert said(png_text("Software", software))["Software"] == ("generator trace", software)


# ---- XMP and IPTC ----


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("trainedAlgorithmicMedia", "declared AI", "made by a generative AI model"),
        ("compositeWithTrainedAlgorithmicMedia", "declared AI", "edited with generative AI"),
        ("digitalCapture", "origin", "taken with a digital camera"),
        ("somethingNew", "origin", f"{SOURCE_TYPE}somethingNew"),
    ],
)
@pytest.mark.parametrize("form", ["attribute", "element", "resource"])
def test_the_digital_source_type_in_each_form_of_xmp(form, name, kind, words):
    packet = {
        "attribute": xmp(attributes=f'iptc:DigitalSourceType="{SOURCE_TYPE}{name}"'),
        "element": xmp(elements=f"<iptc:DigitalSourceType>{SOURCE_TYPE}{name}</iptc:DigitalSourceType>"),
        "resource": xmp(elements=f'<iptc:DigitalSourceType rdf:resource="{SOURCE_TYPE}{name}"/>'),
    }[form]
    files = [picture(picture_format, xmp=packet) for picture_format in ("JPEG", "WEBP", "AVIF")]
    for content in (*files, png_with((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet))):
        assert said(content)["Digital source type"] == (kind, words)


def test_lists_in_xmp_and_content_credentials_kept_elsewhere():
    elements = "<dc:creator><rdf:Seq><rdf:li>Jane</rdf:li></rdf:Seq></dc:creator><dc:provenance>https://example.com/m.c2pa</dc:provenance>"
    found = said(picture("JPEG", xmp=xmp('xmp:CreatorTool="Adobe Firefly"', elements)))
    assert found["By"] == ("credit", "Jane")
    assert found["Content Credentials elsewhere"] == ("content credentials", "https://example.com/m.c2pa")
    assert found["Creator tool"] == ("generator trace", "Adobe Firefly")


def test_the_iptc_credit_of_google_ai():
    text = b"Made with Google AI"
    records = b"\x1c\x02\x6e" + struct.pack(">H", len(text)) + text
    segment = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records
    assert said(jpeg_with((0xED, segment)))["Credit"] == ("generator trace", "Made with Google AI")


# ---- Content Credentials ----


def c2pa_files(inside: bytes = b"") -> dict[str, bytes]:
    whole = manifest(inside)
    half = 8 + (len(whole) - 8) // 2
    first, second = (
        b"JP\x02\x11" + struct.pack(">I", n) + part
        for n, part in ((1, whole[:half]), (2, whole[:8] + whole[half:]))
    )
    webp = picture("WEBP")
    padded = whole + b"\0" * (len(whole) % 2)
    return {
        "jpeg": jpeg_with((0xEB, first), (0xEB, second)),
        "png": png_with((b"caBX", whole)),
        "webp": webp + b"C2PA" + struct.pack("<I", len(whole)) + padded,
        "avif": (
            picture("AVIF")
            + struct.pack(">I4s", 24 + len(whole), b"uuid")
            + bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
            + whole
        ),
    }


@pytest.mark.parametrize("kind", c2pa_files())
def test_content_credentials_are_found_without_the_library_and_said_to_be_unchecked(kind):
    found = said(c2pa_files(b"cbor trainedAlgorithmicMedia cbor")[kind])
    assert found["Content Credentials"] == ("content credentials", "present, not checked")
    assert found["Digital source type, in Content Credentials"] == (
        "declared AI",
        "made by a generative AI model (not checked)",
    )
    assert "install the optional package c2pa-python" in file_facts(c2pa_files()[kind]).findings[0].suggests


def test_other_boxes_in_app11_are_no_content_credentials():
    assert said(jpeg_with((0xEB, b"JP\0\1\0\0\0\1" + manifest().replace(b"c2pa", b"abcd")))) == {}


def fake_c2pa(
    state: str, failures: tuple[str, ...] = (), successes: tuple[str, ...] = (), **more
) -> SimpleNamespace:
    """A stand-in for the package, that validates as told."""
    store = {
        "active_manifest": "a",
        "manifests": {
            "a": {
                "claim_generator_info": [{"name": "Some Camera", "version": "2"}],
                "signature_info": {"issuer": "ACME", "common_name": "ACME signing"},
                "assertions": [
                    {
                        "label": "c2pa.actions.v2",
                        "data": {
                            "actions": [
                                {
                                    "action": "c2pa.created",
                                    "softwareAgent": {"name": "Gen"},
                                    "digitalSourceType": SOURCE_TYPE + "trainedAlgorithmicMedia",
                                },
                                {"action": "c2pa.resized"},
                            ]
                        },
                    }
                ],
            }
        },
        "validation_state": state,
        "validation_results": {
            "activeManifest": {
                "success": [{"code": code} for code in successes],
                "failure": [{"code": code} for code in failures],
            }
        },
    } | more
    asked = {}

    class Reader:
        def __init__(self, media_type, stream, manifest_data, context):
            asked.update(media_type=media_type, context=context, content=stream.read())

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def json(self):
            return json.dumps(store)

    return SimpleNamespace(
        Reader=Reader, Context=SimpleNamespace(from_dict=lambda settings: settings), asked=asked
    )


@pytest.mark.parametrize(
    ("fake", "valid", "trusted"),
    [
        (fake_c2pa("Trusted", (), ("signingCredential.trusted",)), "yes", "yes"),
        (fake_c2pa("Valid", ("signingCredential.untrusted",)), "yes", "no"),
        (
            fake_c2pa("Invalid", ("assertion.dataHash.mismatch",), ("signingCredential.trusted",)),
            f"no: {CHANGED}",
            "yes",
        ),
        (
            fake_c2pa("Invalid", ("claimSignature.mismatch", "signingCredential.untrusted")),
            "no: the signature does not fit what it signs",
            "no",
        ),
        (fake_c2pa("Invalid"), "no: the checks it needs did not pass", "no"),
        (fake_c2pa("Invalid", ("some.new.code",)), "no: some.new.code", "no"),
    ],
)
def test_a_valid_signature_and_a_trusted_signer_are_told_apart(monkeypatch, fake, valid, trusted):
    monkeypatch.setitem(sys.modules, "c2pa", fake)
    content = c2pa_files()["png"]
    found = {entry.label: entry for entry in file_facts(content).findings}
    assert found["Signature valid"].value == valid
    assert found["Signer trusted"].value == trusted
    assert found["Signed by"].value == "ACME signing, ACME"
    assert found["Written by"].value == "Some Camera 2"
    assert found["History"].value == "created with Gen, resized"
    declared = found["Digital source type, in Content Credentials"]
    assert (declared.kind, declared.value) == ("declared AI", "made by a generative AI model")
    assert ("the signature holds" in declared.suggests) == (valid == trusted == "yes")
    assert fake.asked["media_type"] == "image/png"
    assert fake.asked["content"] == content


def test_nothing_is_fetched_to_check_content_credentials(monkeypatch):
    fake = fake_c2pa("Valid")
    monkeypatch.setitem(sys.modules, "c2pa", fake)
    file_facts(c2pa_files()["png"])
    assert fake.asked["context"]["verify"] == {"remote_manifest_fetch": False, "ocsp_fetch": False}


@pytest.mark.parametrize(
    "fake",
    [SimpleNamespace(), fake_c2pa("Valid", manifests=[]), fake_c2pa("Valid", active_manifest="missing")],
)
def test_an_old_library_or_an_odd_manifest_is_a_sentence(monkeypatch, fake):
    monkeypatch.setitem(sys.modules, "c2pa", fake)
    (entry,) = file_facts(c2pa_files()["png"]).findings
    assert entry.value == "present, not checked"
    assert entry.suggests.startswith(("Not checked: ", "Could not be checked, "))


def test_a_library_that_fails_without_a_word_is_named_by_its_error(monkeypatch):
    fake = fake_c2pa("Valid")

    def fails(settings):
        raise MemoryError

    fake.Context.from_dict = fails
    monkeypatch.setitem(sys.modules, "c2pa", fake)
    (entry,) = file_facts(c2pa_files()["png"]).findings
    assert entry.suggests.endswith("a damaged manifest explains: MemoryError.")


# ---- hostile files ----


def bounded(content: bytes, seconds: float = 10.0, megabytes: float = 40.0):
    """The facts of a hostile file, found in bounded time and memory."""
    tracemalloc.start()
    start = time.process_time()
    try:
        facts = file_facts(content)
        assert time.process_time() - start < seconds
        assert tracemalloc.get_traced_memory()[1] < megabytes * 2**20
    finally:
        tracemalloc.stop()
    return facts


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_a_compressed_bomb_is_unpacked_to_a_megabyte_and_no_further(kind):
    bomb = zlib.compress(b"Steps: 20, Sampler: x, Seed: 1" + b"A" * 50 * MAX_BYTES)
    head = b"parameters\0" + (b"\1\0\0\0" if kind == b"iTXt" else b"\0")
    facts = bounded(png_with((kind, head + bomb)))
    if kind != b"iCCP":
        (entry,) = facts.findings
        assert (entry.label, len(entry.value)) == ("Stable Diffusion settings", MAX_VALUE)
    assert any("only its beginning was read" in note for note in facts.notes)


def test_many_bombs_and_many_texts_are_cut_off():
    bomb = b"a\0\0" + zlib.compress(b"A" * 10**6, 9)
    facts = bounded(
        png_with(*[(b"zTXt", bomb)] * 600, *[(b"tEXt", b"k%d\0v" % number) for number in range(2000)]),
        megabytes=60,
    )
    assert len(facts.findings) <= 60


def test_a_million_empty_chunks_are_not_walked_to_their_end():
    content = picture()
    bounded(content[:33] + (b"\0\0\0\0abCd" + b"\0" * 4) * 1_000_000 + content[33:], megabytes=100)


@pytest.mark.parametrize(
    "text", ["{" * 10**6, "Steps: 1," * 10**5, '"prompt":' * 10**5, '"nodes": "links"' * 50_000, "[" * 10**6]
)
def test_huge_texts_meant_to_make_patterns_backtrack(text):
    bounded(png_with((b"tEXt", b"parameters\0" + text.encode())))


def test_an_exif_directory_of_65535_entries_that_all_name_the_same_megabyte():
    entries = b"".join(struct.pack("<HHII", 0x010E + number % 4, 2, 2**20, 8) for number in range(65535))
    block = b"II*\0" + struct.pack("<I", 2**20 + 8) + b"A" * 2**20 + struct.pack("<H", 65535) + entries
    entry, *_ = bounded(png_with((b"eXIf", block))).findings
    assert len(entry.value) == MAX_VALUE


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"II*\0",
        b"garbage!",
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff" + b"\xff" * 50,
        b"MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x08",  # its subdirectory is itself
    ],
)
def test_broken_or_circular_exif_is_left_out(block):
    assert file_facts(png_with((b"eXIf", block))).findings == ()


@pytest.mark.parametrize(
    "packet",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
        b"no xml",
        b"<a" * 100_000,
        b"\xff\xfe\0\0",
    ],
)
def test_hostile_xmp_is_left_out_and_noted(packet):
    facts = bounded(png_with((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)))
    assert facts.findings == ()
    assert facts.notes == ("A block of metadata is damaged and was left out (PNG iTXt, XMP).",)


def test_deeply_nested_xmp_and_one_of_many_properties():
    deep = b"<a>" * 50_000
    bounded(png_with((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + deep)), megabytes=80)
    many = xmp(elements="".join(f"<dc:creator>{number}</dc:creator>" for number in range(20_000)))
    assert len(bounded(png_with((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + many))).findings) == 60


def test_control_characters_and_marks_that_turn_the_writing_around_are_gone():
    (entry,) = file_facts(
        png_with((b"iTXt", b"a\x1b[31m\0\0\0\0\0\xe2\x80\xaeevil\x00\x07\n<b>x</b>"))
    ).findings
    assert (entry.label, entry.value) == ("a [31m", "evil <b>x</b>")


def test_no_cut_and_no_flipped_byte_of_a_file_with_everything_raises():
    block = exif(
        {0x010F: "Canon", 0x0110: "X"},
        {0x9286: b"UNICODE\0" + SETTINGS.encode("utf-16-be")},
        {2: (1.0, 2.0, 3.0), 4: (4.0, 5.0, 6.0)},
    )
    packet = xmp(f'iptc:DigitalSourceType="{SOURCE_TYPE}digitalCapture"')
    files = [picture(picture_format, exif=block, xmp=packet) for picture_format in ("JPEG", "WEBP")]
    for content in (*files, picture("TIFF", exif=block), c2pa_files()["jpeg"]):
        for at in range(0, min(len(content), 1500), 11):
            file_facts(content[:at])
            file_facts(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])


# ---- the command line ----


def cli(capsys, tmp_path) -> tuple[dict, str]:
    """What ``_say`` prints for a file with a camera's name in it: (as JSON, as text)."""
    path = tmp_path / "a.jpg"
    path.write_bytes(
        picture("JPEG", exif=exif({0x0110: "EOS\x1b[31m R5"}, gps={2: (1.0, 2.0, 3.0), 4: (4.0, 5.0, 6.0)}))
    )
    row = {"path": str(path), "error": "It is damaged."}
    content = _content(str(path))
    assert content is not None
    facts = file_facts(content)
    _say_json(row, facts)
    as_json = json.loads(capsys.readouterr().out)
    _say(row, facts)
    return as_json, capsys.readouterr().out


def test_file_facts_on_the_command_line(capsys, tmp_path):
    as_json, text = cli(capsys, tmp_path)
    assert as_json["file_facts"]["format"] == "JPEG"
    assert [entry["value"] for entry in as_json["file_facts"]["findings"]] == [
        "EOS [31m R5",
        "has a location",
    ]
    assert "coordinates" not in as_json["file_facts"]
    assert "    Camera: EOS [31m R5 (JPEG APP1, EXIF)\n" in text


def test_a_file_that_has_gone_has_no_facts(tmp_path):
    assert _content(str(tmp_path / "gone.jpg")) is None
    assert _content(str(tmp_path)) is None
