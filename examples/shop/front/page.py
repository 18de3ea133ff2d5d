"""The pages of the shop as HTML, with hints for missing parts."""

from html import escape
from pathlib import Path

DRAWINGS = {  # in a square of 48
    "mug": "M12 16h20v20a4 4 0 0 1-4 4H16a4 4 0 0 1-4-4zM32 20h4a4 4 0 0 1 4 4v4a4 4 0 0 1-4 4h-4"
    "M18 6q-2 3 0 6M26 6q-2 3 0 6",
    "teapot": "M14 22h20a4 4 0 0 1 2 12q-3 6-12 6t-12-6a4 4 0 0 1 2-12zM18 22q0-6 6-6t6 6"
    "M24 16v-3M36 26l6-6M12 24q-7-2-6 5t7 5",
    "tea": "M14 14h20v26H14zM14 22h20M18 14V9h12v5M24 35q-6-4 0-10q6 6 0 10z",
    "honey": "M16 12h16v5H16zM15 17h18q4 4 4 10v9q0 4-4 4H15q-4 0-4-4v-9q0-6 4-10z"
    "M24 24l5 3v6l-5 3l-5-3v-6z",
    "spoon": "M10 10q5-5 10 1t0 10q-4 4-10-1t0-10zM21 21l19 19",
    "lamp": "M18 8h12l6 16H12zM24 24v14M16 40h16M30 24v6",
}

STYLE = Path(__file__).with_name("page.css").read_text()


def shop(prices, stock, featured, others, parts):
    """The page with all products; `stock` and `others`: None if unknown."""
    banner = ""
    if stock is None:
        banner = (
            '<p class="away">We cannot look up our stock just now. The prices hold: order, and we '
            "write to you if something is sold out.</p>"
        )
    cards = "".join(card(product, prices[product], stock) for product in prices)
    if others is None:
        also = '<p class="away">No recommendations just now.</p>'
    else:
        known = (card(each, prices[each]) for each in others if each in prices)
        also = f'<ul class="products">{"".join(known)}</ul>'
    name = escape(prices[featured]["name"].lower())
    return whole(
        f'{banner}<ul class="products">{cards}</ul>'
        f'<section id="recommendations"><h2>Bought together with the {name}</h2>'
        f"{also}</section>",
        parts,
    )


def closed(parts):
    """The page without products: neither the cache nor the table answers."""
    return whole(
        f'<div class="closed">{drawing("mug")}'
        "<h2>The shop is closed for a moment.</h2>"
        "<p>Please come back in a minute.</p></div>",
        parts,
    )


def card(product, known, stock=False):
    """A product and its stock, if the stock is wanted."""
    return (
        f'<li>{drawing(product)}<span class="name">{escape(known["name"])}</span>'
        f'<span class="price">{known["cents"] / 100:.2f} €</span>'
        f"{'' if stock is False else stock_line(stock, product)}</li>"
    )


def drawing(product):
    path = DRAWINGS.get(product, "")
    return f'<svg viewBox="0 0 48 48" aria-hidden="true"><path d="{path}"/></svg>'


def stock_line(stock, product):
    if stock is None:
        return '<span class="stock unknown">stock unknown</span>'
    count = stock.get(product, 0)
    if count == 0:
        return '<span class="stock out">sold out</span>'
    return f'<span class="stock{" low" if count < 5 else ""}">{count} in stock</span>'


def part_line(part):
    took = f"{part['name']}: {part['ms']} ms"
    if part["error"] is None:
        return f"<li>{took}</li>"
    return f'<li class="failed">{took}, {escape(shortened(part["error"]))}</li>'


def shortened(error):
    """A text's beginning and its end, since the reason comes last."""
    return error if len(error) < 80 else f"{error[:30].rstrip()} … {error[-40:].lstrip()}"


def whole(content, parts):
    """The frame of every page; its foot names the parts."""
    took = sum(part["ms"] for part in parts)
    made = "".join(map(part_line, parts))
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Kettle & Spoon</title>
<style>{STYLE}</style>
<main>
<header><h1>Kettle &amp; Spoon</h1><p>All for a cup of tea.</p></header>
{content}
<footer>This page took {took} ms, one part after the other:<ul>{made}</ul></footer>
</main>
</html>
"""
