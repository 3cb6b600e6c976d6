"""Show text from outside in messages and tables: in one line, without control characters."""

QUOTED_LENGTH = 80  # characters of a quoted value
REASON_LENGTH = 200  # characters of another library's message, which may quote a file


def printable(text: object) -> str:
    r"""Return text in one line, with backslash escapes in place of what a terminal does not print.

    These are control characters, line breaks, marks that change the direction of writing, and bytes
    of file names that are not UTF-8 (surrogates), so that the result can be encoded as UTF-8.

    Example:
        >>> printable("é\n\x1b[31m"), printable(b"\xff.jpg".decode("utf-8", "surrogateescape"))
        ('é\\n\\x1b[31m', '\\udcff.jpg')
    """
    text = str(text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def quoted(value: object) -> str:
    r"""Return a value as `printable` in quotation marks, cut off after some characters.

    Example:
        >>> quoted("line 1\nline 2")
        "'line 1\\nline 2'"
    """
    text = str(value)
    return f"'{printable(text[:QUOTED_LENGTH])}'" + ("…" if len(text) > QUOTED_LENGTH else "")


def reason(error: BaseException) -> str:
    r"""Return the message of an error as `printable`, cut off, or its type if it has none.

    Example:
        >>> reason(ValueError("line 1\nline 2")), reason(MemoryError())
        ('line 1\\nline 2', 'MemoryError')
    """
    text = str(error) or type(error).__name__
    return printable(text[:REASON_LENGTH]) + ("…" if len(text) > REASON_LENGTH else "")
