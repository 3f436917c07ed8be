"""What becomes of each format: passages in order, under their headings, without what nobody sees."""

import pytest

from ops.reading import docx, html, markdown, pdf
from ops.reading.files import decode
from ops.reading.refusals import UnreadableError
from ops.reading.sections import PASSAGE_CHARS, PASSAGE_WORDS, Block, passages_of
from tests.parts import documents


def contents(read):
    title, blocks = read
    return [passage.content for passage in passages_of(blocks, "file", title)]


def test_markdown_is_cut_at_its_headings_which_stand_before_the_text():
    text = (
        "Intro.\n\n# Returns\nWithin\n30 days.\n\n## How?\nBy post.\n\n- one\n- two\n\n# Contact\nCall *us* [here](x)."
    )
    assert contents(markdown.read(text)) == [
        "Intro.",
        "Returns\nWithin\n30 days.",
        "Returns > How?\nBy post.\none\ntwo",
        "Contact\nCall us here.",
    ]


def test_front_matter_gives_a_title_and_is_no_text():
    assert ["House rules\nNo dogs."] == contents(markdown.read('---\ntitle: "House rules"\ntags: [a]\n---\nNo dogs.'))


def test_a_table_has_a_line_a_row_and_code_its_lines():
    text = "| Day | Hours |\n|---|---|\n| Mon | 9-5 |\n\n```\nx = 1\ny = 2\n```\n"
    assert ["Day | Hours\nMon | 9-5\nx = 1\ny = 2"] == contents(markdown.read(text))


def test_html_within_markdown_is_read_as_html():
    assert ["before\nshown\nafter"] == contents(
        markdown.read("before\n\n<div><script>no()</script><p>shown</p></div>\n\nafter <script>")
    )


def test_a_heading_alone_is_kept_when_no_deeper_one_follows():
    assert ["A > B", "A > C\ntext", "D"] == contents(markdown.read("# A\n## B\n## C\ntext\n# D\n"))


@pytest.mark.parametrize(
    "unseen",
    [
        "<script>SECRET</script>",
        "<ScRiPt type=x>SECRET</sCrIpT >",
        "<style>SECRET</style>",
        "<template><p>SECRET</p></template>",
        "<noscript>SECRET</noscript>",
        "<nav>SECRET</nav>",
        "<div role='Navigation'><ul><li>SECRET</ul></div>",
        "<dialog><p>SECRET</p></dialog>",
        "<i aria-hidden=true>SECRET</i>",
        "<!-- SECRET -->",
        "<p hidden>SECRET</p>",
        "<p style='color: red; DISPLAY : none !important'>SECRET</p>",
        "<div style='display:none'><p>SECRET<b>SECRET</b></div>",
        "<span style='visibility:hidden'>SECRET</span>",
        "<svg><script>SECRET</script></svg>",
        "<select><option>SECRET</select>",
        "<a href='javascript:SECRET' onclick='SECRET'></a>",
        "<script>if (a < b) '</div>SECRET'</script>",
        "<iframe srcdoc='<p>SECRET</p>'></iframe>",
    ],
)
def test_what_a_reader_of_a_page_does_not_see_is_not_read(unseen):
    found = "\n".join(contents(html.read(f"<body><p>one {unseen} two</p>".encode(), "utf-8")))
    assert "SECRET" not in found
    assert found.replace("\n", " ").split() == ["one", "two"]


@pytest.mark.parametrize(
    "seen",
    [
        "<footer>shown</footer>",
        "<aside>shown</aside>",
        "<dialog open>shown</dialog>",
        "<p aria-hidden='false'>shown</p>",
        "<ul class='nav menu'><li>shown</ul>",
        "<div role='main'>shown</div>",
    ],
)
def test_what_may_hold_an_address_or_opening_hours_is_read(seen):
    assert ["one shown two"] == [
        " ".join(text.split()) for text in contents(html.read(f"<p>one {seen}<p>two".encode(), "utf-8"))
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_text_with_a_byte_order_mark_is_read_whatever_the_encoding_is_said_to_be(encoding):
    content = "\ufeff# Café\nMüller".encode(encoding)
    assert "# Café\nMüller" == decode(content, "ascii")
    assert ["Müller"] == contents(html.read("\ufeff<meta charset=x><p>Müller".encode(encoding), "ascii"))


@pytest.mark.parametrize("style", ["backface-visibility: hidden", "display: none; display: block", "display", ":;"])
def test_a_style_that_does_not_hide_hides_nothing(style):
    assert ["one\ntwo"] == contents(html.read(f'<p style="{style}">one<p>two'.encode(), "utf-8"))


@pytest.mark.parametrize("depth", [255, 260, 2050, 30_000])
@pytest.mark.parametrize(("opened", "closed"), [("<div>", "</div>"), ("<font size=2>", ""), ("<p><b><i>", "")])
def test_html_is_read_whole_however_deep_its_elements_are(opened, closed, depth):
    page = f"<p>before {opened * depth}deep{closed * depth}<p>after"
    assert ["before\ndeep\nafter"] == ["\n".join(text.split()) for text in contents(html.read(page.encode(), "utf-8"))]


def test_html_after_its_end_is_read_and_what_is_not_seen_ends_there():
    assert ["one\ntwo"] == contents(html.read(b"<body><p>one<nav>menu</body></html><p>two", "utf-8"))


def test_html_blocks_inline_elements_tables_and_breaks():
    page = (
        "<title>Shop</title><h1>Open<b>ing</b> hours</h1><p>Daily<br>from nine"
        "<table><tr><th>Mon<th>Tue<tr><td><p>9</p><td>10</table><footer>Tel. 1</footer>"
    )
    assert ["Shop > Opening hours\nDaily\nfrom nine\nMon | Tue\n9 | 10\nTel. 1"] == contents(
        html.read(page.encode(), "utf-8")
    )


def test_a_page_says_its_own_encoding():
    page = '<meta charset="iso-8859-1"><p>Müller'.encode("latin-1")
    assert ["Müller"] == contents(html.read(page, "utf-8"))
    with pytest.raises(UnreadableError, match="nobody knows"):
        html.read(b'<meta charset="klingon"><p>x', "utf-8")


def test_pdf_pages_stand_under_their_bookmarks_and_know_their_number():
    content = documents.pdf(
        "The first line of some length that goes on\nand ends here.", "Second page.", bookmarks={0: "Start", 1: "More"}
    )
    title, blocks = pdf.read(content)
    found = passages_of(blocks, "file", title)
    assert [passage.content for passage in found] == [
        "Start\nThe first line of some length that goes on and ends here.",
        "More\nSecond page.",
    ]
    assert [1, 2] == [passage.metadata["page"] for passage in found]


def test_a_pdf_page_that_shows_something_and_holds_no_text_is_a_block_without_text():
    _, blocks = pdf.read(documents.pdf(documents.PICTURE, "Text.", "", documents.PICTURE))
    assert [("", 1), ("Text.", 2), ("", 4)] == [(block.text, block.page) for block in blocks]


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ("a cancel-\nlation is free.", "a cancellation is free."),
        ("A well-known shop, and well-\nknown it is.", "A well-known shop, and well-known it is."),
        ("A GN-\n5294 for Jean-\nLuc, Mon-\nFri, 9-\n5", "A GN-5294 for Jean-Luc, Mon-Fri, 9-5"),
        ("both co-\nop-\nerate", "both cooperate"),
        ("one -\ntwo", "one - two"),
    ],
)
def test_a_word_that_a_pdf_breaks_at_a_line_is_whole_again(lines, text):
    (block,) = pdf.read(documents.pdf(lines))[1]
    assert (text, [text]) == (block.text, [*pdf._paragraphs(lines.replace("\n", "\r\n"))])


def test_docx_headings_paragraphs_and_tables_come_in_order():
    content = documents.docx_of(
        ("Title", "Handbook"), ("Heading 1", "Returns"), ("Normal", "Within 30 days."), [["a", "b"], ["1", "2"]],
        ("Heading 2", "How"), ("List Bullet", "by post"),
    )  # fmt: skip
    assert contents(docx.read(content)) == [
        "Handbook > Returns\nWithin 30 days.\na | b\n1 | 2",
        "Handbook > Returns > How\nby post",
    ]


def p(*runs):
    return f"<w:p>{''.join(r(run) if not run.startswith('<') else run for run in runs)}</w:p>"


def r(text):
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def sdt(content):
    return f"<w:sdt><w:sdtPr><w:alias w:val='x'/></w:sdtPr><w:sdtContent>{content}</w:sdtContent></w:sdt>"


def tbl(*rows):
    return "<w:tbl>" + "".join(f"<w:tr>{''.join(row)}</w:tr>" for row in rows) + "</w:tbl>"


def tc(*blocks, properties=""):
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{''.join(blocks)}</w:tc>"


BOX = f"<w:txbxContent>{p('boxed')}</w:txbxContent>"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (p("a ", sdt(r("shown")), " b"), "a shown b"),
        (p("a") + sdt(p("shown") + sdt(p("deeper"))) + p("b"), "a\nshown\ndeeper\nb"),
        (p("a ", f"<w:ins w:id='1'>{r('shown')}</w:ins>", f"<w:moveTo w:id='2'>{r(' up')}</w:moveTo>"), "a shown up"),
        (p("a ", f"<w:hyperlink>{r('link')}</w:hyperlink>", f"<w:smartTag>{r(' smart')}</w:smartTag>"), "a link smart"),
        (p("a ", f"<w:fldSimple w:instr='PAGE'>{sdt(r('field'))}</w:fldSimple>"), "a field"),
        (f"<w:customXml>{p('shown')}</w:customXml>", "shown"),
        (p("a ", "<m:oMath><m:r><m:t>x=2</m:t></m:r></m:oMath>"), "a x=2"),
        (p("a", "<w:r><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:noBreakHyphen/><w:t>d</w:t></w:r>"), "a b\nc-d"),
        (tbl([tc(p("a")), tc(p("b"), tbl([tc(p("c")), tc(p("d"))]), p("e"))]), "a | b c | d e"),
        (tbl([sdt(tc(sdt(p("a")))), tc(p("b"))]) + sdt(tbl([tc(p("c"))])), "a | b\nc"),
        (
            tbl(
                [tc(p("a"), properties="<w:vMerge w:val='restart'/>"), tc(p("b"))],
                [tc(p(""), properties="<w:vMerge/>"), tc(p("c"))],
            ),
            "a | b\na | c",
        ),
        (
            p("a", f"<w:r><mc:AlternateContent><mc:Choice><wps:txbx>{BOX}</wps:txbx></mc:Choice><mc:Fallback><w:pict>"
              f"<v:textbox>{BOX}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r>", " b"),
            "a b\nboxed",
        ),
        (p("a ", f"<w:r><w:pict><v:textbox>{BOX}</v:textbox></w:pict></w:r>"), "a\nboxed"),
    ],
)  # fmt: skip
def test_docx_text_is_read_in_whatever_it_is_wrapped(body, text):
    assert [text] == contents(docx.read(documents.docx_with(body)))


def test_docx_text_that_was_deleted_or_moved_away_is_not_read():
    gone = "<w:del w:id='1'><w:r><w:delText>SECRET</w:delText><w:t>SECRET</w:t></w:r></w:del>"
    gone += f"<w:moveFrom w:id='2'>{r('SECRET')}</w:moveFrom>"
    field = "<w:r><w:instrText>SECRET</w:instrText></w:r>"
    assert ["a b"] == contents(docx.read(documents.docx_with(p("a ", gone, field, "b"))))


def styled(kind, name, hidden, based_on=""):
    based = based_on and f"<w:basedOn w:val='{based_on}'/>"
    return (
        f"<w:style w:type='{kind}' w:styleId='{name}'><w:name w:val='{name}'/>{based}<w:rPr>{hidden}</w:rPr></w:style>"
    )


STYLES = (
    styled("character", "Unseen", "<w:vanish/>") + styled("character", "Derived", "", "Unseen")
    + styled("character", "Shown", "<w:vanish w:val='0'/>", "Unseen") + styled("paragraph", "Note", "<w:vanish/>")
    + styled("character", "Ring", "", "Ring2") + styled("character", "Ring2", "", "Ring")
)  # fmt: skip


@pytest.mark.parametrize(
    ("properties", "paragraph", "is_read"),
    [
        ("<w:vanish/>", "", False),
        ("<w:vanish w:val='true'/>", "", False),
        ("<w:vanish w:val='false'/>", "", True),
        ("<w:vanish w:val='0'/>", "Note", True),
        ("<w:rStyle w:val='Unseen'/>", "", False),
        ("<w:rStyle w:val='Derived'/>", "", False),
        ("<w:rStyle w:val='Shown'/>", "", True),
        ("<w:rStyle w:val='Ring'/>", "", True),
        ("<w:webHidden/>", "", True),
        ("", "Note", False),
        ("<w:rStyle w:val='Unseen'/>", "Note", True),
    ],
)
def test_docx_text_that_its_own_properties_or_styles_hide_is_not_read(properties, paragraph, is_read):
    style = paragraph and f"<w:pPr><w:pStyle w:val='{paragraph}'/></w:pPr>"
    body = p("before") + p(style, f"<w:r><w:rPr>{properties}</w:rPr><w:t>text</w:t></w:r>")
    content = documents.docx_with(body, STYLES)
    assert ["before\ntext" if is_read else "before"] == contents(docx.read(content))


def test_a_docx_heading_stands_before_its_text_box():
    heading = p("<w:pPr><w:pStyle w:val='Heading1'/></w:pPr>", "Hours", f"<w:r><w:pict>{BOX}</w:pict></w:r>")
    assert ["Hours\nboxed\nafter"] == contents(docx.read(documents.docx_with(heading + p("after"))))


def test_docx_elements_out_of_their_place_are_read_or_left():
    body = f"<w:tr>{tc(p('a'))}</w:tr>{tc(p('b'))}<w:tbl>{p('c')}</w:tbl>{r('d')}"
    assert ["a\nb\nc"] == contents(docx.read(documents.docx_with(body)))


def test_a_long_section_is_cut_between_paragraphs_and_a_long_paragraph_between_sentences():
    sentence = "The quick brown fox jumps over the lazy dog. "
    blocks = [Block("Fox", 1), Block(sentence * 10), Block(sentence * 10), Block(sentence * 60)]
    found = [passage.content.removeprefix("Fox\n") for passage in passages_of(blocks, "file")]
    assert len(found) > 3
    assert all(len(text.split()) <= PASSAGE_WORDS and len(text) <= PASSAGE_CHARS for text in found)
    assert all(text.endswith("dog.") for text in found)
    assert " ".join(found).split() == (sentence * 80).split()


@pytest.mark.parametrize("text", ["", " \n ", "\x00\x01", "\ufffe"])
def test_a_document_without_text_is_refused(text):
    with pytest.raises(UnreadableError, match="no text"):
        passages_of([Block(text)], "file")


def test_a_passage_without_a_letter_or_digit_is_none():
    found = passages_of([Block("* * *"), Block("Hours", 1), Block("9"), Block("` " * 20_000), Block("x")], "file")
    assert ["9", "x"] == [passage.content.removeprefix("Hours\n").replace("`", "").strip() for passage in found]
    with pytest.raises(UnreadableError, match="no text"):
        passages_of([Block("`" * 100_000)], "file")


def test_noise_that_no_database_takes_is_left_out():
    (found,) = passages_of([Block("a\x00b\ud800c\x07 d\xad")], "file")
    assert "abc d" == found.content
