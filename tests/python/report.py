"""Reads reports with libraries that are not tracego's: report.py WHAT < report > what it says."""

import json
import sys
from html.parser import HTMLParser


class Page(HTMLParser):
    """The tags of a page, the texts of its code, and the rows of its tables."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.codes, self.rows, self.texts = [], [], [], []
        self.code = self.cells = None
        self.is_cell = False

    def handle_starttag(self, tag, attributes):
        self.tags.append([tag, [name for name, _ in attributes]])
        if tag == "code":
            self.code = ""
        elif tag == "tr":
            self.cells = []
        elif tag in ("td", "th") and self.cells is not None:
            self.cells.append("")
            self.is_cell = True

    def handle_endtag(self, tag):
        if tag == "code" and self.code is not None:
            self.codes.append(self.code)
            self.code = None
        elif tag in ("td", "th"):
            self.is_cell = False
        elif tag == "tr":
            self.rows.append(self.cells)
            self.cells = None

    def handle_data(self, data):
        if self.code is None:
            self.texts.append(data)
        else:
            self.code += data
        if self.is_cell:
            self.cells[-1] += data


def markdown():
    """The page that GitHub's own parser makes, with HTML let through as GitHub lets it."""
    import cmarkgfm
    from cmarkgfm.cmark import Options

    page = Page()
    text = sys.stdin.buffer.read().decode()
    page.feed(cmarkgfm.github_flavored_markdown_to_html(text, Options.CMARK_OPT_UNSAFE))
    page.close()
    json.dump({name: getattr(page, name) for name in ("tags", "codes", "rows", "texts")}, sys.stdout)


def junit():
    """Suites with their counts, and cases with their results."""
    from junitparser import JUnitXml

    suites = JUnitXml.fromstring(sys.stdin.buffer.read())
    told = []
    for suite in suites:
        cases = []
        for case in suite:
            results = [[type(result).__name__, result.message, result.text] for result in case.result]
            cases.append({"class": case.classname, "name": case.name, "results": results})
        told.append({"name": suite.name, "counts": [suite.tests, suite.failures, suite.skipped], "cases": cases})
    json.dump(told, sys.stdout)


{"markdown": markdown, "junit": junit}[sys.argv[1]]()
