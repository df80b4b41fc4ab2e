"""PDFs of any size that readers can open: one page, and what is wanted as the data of a stream."""


def pdf(body):
    """The bytes of a PDF with `body` in a stream that no page shows."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>",
               b"<</Type/Pages/Count 1/Kids[3 0 R]/MediaBox[0 0 612 792]>>",
               b"<</Type/Page/Parent 2 0 R>>",
               b"<</Length %d>>stream\n%s\nendstream" % (len(body), body)]
    text, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(text))
        text += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return text + (b"xref\n0 5\n0000000000 65535 f \n%strailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
                   % (table, len(text)))
