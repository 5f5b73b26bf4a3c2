"""For test reports: JUnit XML, a suite for each plan, a failed case for each rule that it breaks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from planning_sync.sync.management.output import clean
from planning_sync.sync.management.validation.formats.checked import Checked
from plans.rules import Finding, Report

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def told(checked: Sequence[Checked], report: Report) -> str:
    from xml.etree import ElementTree

    suites = ElementTree.Element("testsuites", name="planning-sync validate")
    for each in checked:
        _suite(suites, each)
    ElementTree.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(suites, encoding="unicode")}\n'


def _suite(suites: Element, checked: Checked) -> None:
    from xml.etree.ElementTree import SubElement

    by_rule = attrgetter("rule")
    broken = [
        (rule, list(found)) for rule, found in groupby(sorted(checked.result.findings, key=by_rule), by_rule)
    ]
    suite = SubElement(suites, "testsuite", name=clean(checked.shown))
    suite.attrib |= {"tests": str(max(1, len(broken))), "failures": str(len(broken)), "errors": "0"}
    for rule, findings in broken:
        case = SubElement(suite, "testcase", classname=clean(checked.shown), name=rule)
        first = findings[0]
        failure = SubElement(case, "failure", type=first.severity, message=clean(first.message))
        failure.text = "\n".join(_line(checked, finding) for finding in findings)
    if not broken:
        SubElement(suite, "testcase", classname=clean(checked.shown), name="all rules")


def _line(checked: Checked, finding: Finding) -> str:
    return f"{clean(checked.shown)}:{finding.line}: {clean(finding.message)}"
