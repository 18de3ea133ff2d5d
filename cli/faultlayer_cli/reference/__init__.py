"""Generated parts of pages: tables, heads of fault pages, commands, permissions, rooms, the schema.

    registry  commands  permissions  contracts     the code says it once
          |        |          |           |
    tables, fault_pages, command_pages, room_pages, schema
                        |
                      pages     puts them between markers, or compares

A page asks for a part by a pair of markers, `<!-- reference:NAME:begin -->` and `:end -->`. Other
lines are never changed. `python -m faultlayer_cli.reference --write` writes every page of the
checkout, `--check` compares. This room needs neither the network nor an account.
"""
