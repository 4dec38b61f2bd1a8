"""What a page of HTML has, as far as checks ask for it."""

from html.parser import HTMLParser

EMPTY = {"meta", "link", "img", "br", "hr", "input"}


class Svg:
    """A drawing: whether it is told to those who do not see it."""

    def __init__(self, attributes: dict):
        self.attributes = attributes
        self.ids = set()

    def lacks(self) -> list:
        named = set(self.attributes.get("aria-labelledby", "").split())
        lacks = [] if self.attributes.get("role") == "img" else ["the role of a picture"]
        return lacks if named and named <= self.ids else [*lacks, "a title and a description"]


class Page(HTMLParser):
    """A page that is read once."""

    def __init__(self, text: str):
        super().__init__()
        self.addresses, self.ids, self.headings, self.svgs = [], [], [], []
        self.misnested, self.rows, self.viewport, self.text = [], [], "", ""
        self.heads, self.buttons, self.root = 0, 0, {}
        self._open = []
        self.feed(text)
        self.close()
        self.misnested += self._open

    def handle_starttag(self, tag: str, attrs: list):
        attributes = {name: value or "" for name, value in attrs}
        self.addresses += [attributes[name] for name in ("src", "href") if name in attributes]
        self._note(tag, attributes)
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list):
        self._note(tag, dict(attrs))

    def handle_endtag(self, tag: str):
        if self._open and self._open[-1] == tag:
            self._open.pop()
        else:
            self.misnested.append(f"</{tag}> in {self._open[-3:]}")

    def handle_data(self, data: str):
        if not {"script", "style"} & set(self._open):
            self.text += data
        if "tbody" in self._open and self.rows:
            self.rows[-1] += data

    def _note(self, tag: str, attributes: dict):
        if "id" in attributes:
            self.ids.append(attributes["id"])
            if "svg" in self._open and tag in ("title", "desc"):
                self.svgs[-1].ids.add(attributes["id"])
        match tag:
            case "html":
                self.root = attributes
            case "meta" if attributes.get("name") == "viewport":
                self.viewport = attributes.get("content", "")
            case "svg":
                self.svgs.append(Svg(attributes))
            case "tr" if "tbody" in self._open:
                self.rows.append("")
            case "th":
                self.heads += 1
            case "button" if "th" in self._open:
                self.buttons += 1
            case "h1" | "h2" | "h3" | "h4":
                self.headings.append(int(tag[1]))
