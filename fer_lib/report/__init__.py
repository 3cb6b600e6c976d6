"""Numbers on pages: formatted, quoted, and checked against the text.

`format` turns numbers into text and tables, `comparisons` and `summaries` into tables of one kind.
`quoted` has the numbers in the prose pages, `source` shows definitions of the library, and `expect`
checks that a sentence still agrees with the result that it states.
"""
