"""What labs push (findings.md): the shape of a finding, the formats it comes in, and the STIX that is made of it.

Everything in this package is pure: bytes or parsed JSON in, findings or STIX objects out. It knows no member, no
policy and no store; `exchange.filing` brings these together.
"""
