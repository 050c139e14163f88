"""A finding in the formats of others, from the STIX that a reader may see (findings.md 4): each module has `export`."""
