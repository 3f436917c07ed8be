"""Documents of every format, good and hostile, made here."""

import io
import zipfile
import zlib
from collections.abc import Callable

import docx
import docx.table

PICTURE = "a page that shows something and holds no text"


def pdf(*pages: str, bookmarks: dict[int, str] | None = None, extra: bytes = b"", repeat: int = 1) -> bytes:
    """A PDF with a line of text for each line of each page; `repeat` lists its pages so many times."""
    marks = list((bookmarks or {}).items())
    first_page, first_mark = 5, 5 + 2 * len(pages)
    kids = " ".join(f"{first_page + 2 * index} 0 R" for index in range(len(pages)))
    kids = " ".join([kids] * repeat)
    objects = [
        "<< /Type /Catalog /Pages 2 0 R /Outlines 4 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages) * repeat} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        f"<< /Type /Outlines /First {first_mark} 0 R /Last {first_mark + len(marks) - 1} 0 R >>" if marks else "<< >>",
    ]
    for index, text in enumerate(pages):
        lines = "".join(f"({line}) Tj 0 -14 Td " for line in text.splitlines())
        content = "0 0 100 100 re f" if text == PICTURE else f"BT /F1 12 Tf 50 750 Td {lines}ET"
        page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {first_page + 2 * index + 1} 0 R"
        objects.append(f"{page} /Resources << /Font << /F1 3 0 R >> >> >>")
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    for place, (index, title) in enumerate(marks):
        following = f"/Next {first_mark + place + 1} 0 R" if place + 1 < len(marks) else ""
        target = f"/Dest [{first_page + 2 * index} 0 R /Fit]"
        objects.append(f"<< /Title ({title}) /Parent 4 0 R {target} {following} >>")
    return _assembled(objects, extra)


def _assembled(objects: list[str], extra: bytes) -> bytes:
    out = b"%PDF-1.7\n"
    offsets = []
    for number, text in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{text}\nendobj\n".encode("latin-1")
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    out += (f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R ").encode()
    return out + extra + b">>\nstartxref\n" + str(out.rindex(b"xref\n0")).encode() + b"\n%%EOF\n"


MIB = 1 << 20
# A password that is none of these: what PDFium then says is what it says of any protected file.
ENCRYPTED = b"/Encrypt << /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O (%s) /U (%s) >> /ID [<00> <00>] " % (
    b"o" * 32,
    b"u" * 32,
)


def pdf_bomb(size_bytes: int) -> bytes:
    """A PDF whose page's content unpacks to `size_bytes`."""
    pack = zlib.compressobj(1)
    packed = (
        b"".join(pack.compress(b"0" * min(MIB, size_bytes - at)) for at in range(0, size_bytes, MIB)) + pack.flush()
    )
    page = b"3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>\nendobj\n"
    content = b"4 0 obj\n<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream\nendobj\n" % (len(packed), packed)
    catalog = b"1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
    pages = b"2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n"
    return b"%PDF-1.7\n" + catalog + pages + page + content + b"trailer\n<< /Root 1 0 R >>\n%%EOF\n"


def docx_of(*blocks: tuple[str, str] | list[list[str]]) -> bytes:
    """A DOCX of (style, text) paragraphs and tables as lists of rows."""
    document = docx.Document()
    for block in blocks:
        if isinstance(block, list):
            table = document.add_table(len(block), len(block[0]))
            for row, cells in zip(table.rows, block, strict=True):
                for cell, text in zip(row.cells, cells, strict=True):
                    cell.text = text
        else:
            document.add_paragraph(block[1], style=block[0])
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def bomb(size_bytes: int, part: str = "word/media/image1.bin") -> bytes:
    """A good DOCX with one part that unpacks to `size_bytes`."""
    out = io.BytesIO(docx_of(("Normal", "harmless")))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive, archive.open(part, "w") as target:
        for _ in range(size_bytes >> 20):
            target.write(bytes(1 << 20))
    return out.getvalue()


def entities(depth: int) -> bytes:
    """A DOCX whose text is an entity of entities of entities."""
    names = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, depth))
    doctype = f'?><!DOCTYPE x [<!ENTITY e0 "ha">{names}]>'
    laugh = docx_of(("Normal", "LAUGH"))
    return rewritten(laugh, lambda xml: xml.replace("?>", doctype, 1).replace("LAUGH", f"&e{depth - 1};"))


def docx_with(body: str, styles: str = "") -> bytes:
    """A DOCX with this WordprocessingML as its body, and with these styles beside its own."""
    names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMES.items())
    document = f"<w:document {names}><w:body>{body}</w:body></w:document>"
    plain = rewritten(docx_of(("Normal", "")), lambda _: document)
    return rewritten(plain, lambda xml: xml.replace("</w:styles>", f"{styles}</w:styles>"), "word/styles.xml")


NAMES = {
    "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
    "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
    "v": "urn:schemas-microsoft-com:vml",
    "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
}


def rewritten(content: bytes, change: Callable[[str], str], changed: str = "word/document.xml") -> bytes:
    """The DOCX with the XML of a part changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            body = old.read(part)
            new.writestr(part, change(body.decode()) if part.filename == changed else body)
    return out.getvalue()
