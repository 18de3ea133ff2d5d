"""Generated parts of the pages: tables, heads of fault pages, the command reference, the schema.

    registry, commands, permissions        the code says it once
               |
    tables  fault_pages  command_pages     Markdown lines
               |
    pages                                  puts them between markers, or compares

A page asks for a part by a pair of markers, `<!-- reference:NAME:begin -->` and `:end -->`. Text
between other lines is never changed. `python -m faultlayer_cli.reference --write` writes every page
of the checkout, `--check` compares. Nothing here needs the network or an account.
"""
