"""What a SARIF result says by itself and through its rule (SARIF 2.1.0, sections 3.11, 3.27, 3.49 and 3.52)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from exchange.findings.careful import at, cwe, items, line, members, name, part, text, url

# A rule's text is repeated in each finding of it: a long one would make much of little.
MAX_RULE_TEXT = 2_000
MAX_MESSAGE = 10_000

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(\d{1,3})\}")


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a run's driver and extensions."""

    driver: list[Any]
    extensions: list[Any]
    by_id: dict[str, Any]

    @classmethod
    def of(cls, run: dict[str, Any]) -> Rules:
        """Of one run; of two rules with one id the first."""
        driver, extensions = items(run, "tool", "driver", "rules"), items(run, "tool", "extensions")
        by_id: dict[str, Any] = {}
        for rules in (driver, *(items(one, "rules") for one in extensions)):
            for rule in rules:
                identifier = part(rule, "id")
                if isinstance(identifier, str):
                    by_id.setdefault(identifier, rule)
        return cls(driver=driver, extensions=extensions, by_id=by_id)

    def rule(self, result: dict[str, Any]) -> dict[str, Any]:
        """The rule of a result, by index or by id (section 3.52.3: `CA1000/1` is of rule CA1000), or an empty one."""
        reference = members(result, "rule")
        extension = at(self.extensions, part(reference, "toolComponent", "index"))
        rules = self.driver if extension is None else items(extension, "rules")
        index = result.get("ruleIndex") if reference.get("index") is None else reference.get("index")
        found = at(rules, index)
        if not isinstance(found, dict):
            named = self.named(result) or ""
            found = self.by_id.get(named) or self.by_id.get(named.rpartition("/")[0])
        return found if isinstance(found, dict) else {}

    def named(self, result: dict[str, Any]) -> str | None:
        """The id of a result's rule."""
        stated = name(result.get("ruleId")) or name(part(result, "rule", "id"))
        return stated or name(part(at(self.driver, result.get("ruleIndex")), "id"))


def message(result: dict[str, Any], rule: dict[str, Any]) -> str | None:
    """Its message, with the arguments in their places."""
    own = members(result, "message")
    said = text(own.get("text"), MAX_MESSAGE) or text(own.get("markdown"), MAX_MESSAGE)
    if said is None:
        stated = own.get("id")
        strings = members(rule, "messageStrings")
        said = text(part(strings.get(stated), "text"), MAX_RULE_TEXT) if isinstance(stated, str) else None
    if said is None:
        return None
    arguments = items(own, "arguments")

    def replaced(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0][0]
        return line(at(arguments, int(found[1])), 200) or found[0]

    return text(_PLACEHOLDER.sub(replaced, said, count=100) if arguments else said)


def title(result: dict[str, Any], rule: dict[str, Any], said: str) -> str | None:
    """The rule and the message on one line."""
    label = name(result.get("ruleId")) or name(part(result, "rule", "id")) or name(rule.get("id"))
    first = line(said.split("\n", 1)[0], 400) or line(said, 400)
    return line(f"{label}: {first}" if label else first)


def says(result: dict[str, Any], rule: dict[str, Any]) -> Iterator[str | None]:
    """What the description has besides the message: what the rule says, and how grave the tool finds it."""
    full = text(part(rule, "fullDescription", "text"), MAX_RULE_TEXT)
    yield full or text(part(rule, "shortDescription", "text"), MAX_RULE_TEXT)
    level = line(result.get("level"), 50) or line(part(rule, "defaultConfiguration", "level"), 50)
    score = name(part(rule, "properties", "security-severity"), 50)
    yield f"The tool's level: {level}." if level else None
    yield f"The tool's own severity: {score}." if score else None


def cwes(result: dict[str, Any], rule: dict[str, Any]) -> Iterator[str | None]:
    """CWE by the taxa of the result and the relationships of the rule, or by tags such as `external/cwe/cwe-079`."""
    targets = [*items(result, "taxa")[:200], *(part(one, "target") for one in items(rule, "relationships")[:200])]
    for target in targets:
        stated = name(part(target, "id"))
        if stated and (line(part(target, "toolComponent", "name"), 50) or "").upper() == "CWE":
            yield cwe(stated) or cwe(f"CWE-{stated}")
    for holder in (result, rule):
        properties = members(holder, "properties")
        own = properties.get("cwe")
        for one in (*items(properties, "tags")[:200], *(own[:200] if isinstance(own, list) else [own])):
            yield cwe(one) if isinstance(one, str) else None


def references(rule: dict[str, Any]) -> Iterator[str | None]:
    """The rule's page."""
    yield url(rule.get("helpUri"))


def fixes(result: dict[str, Any]) -> Iterator[str | None]:
    """What the tool would change, in its words."""
    for one in items(result, "fixes")[:50]:
        yield text(part(one, "description", "text"), MAX_RULE_TEXT)
