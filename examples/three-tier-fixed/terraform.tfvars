# An address block reserved for documentation; put your own here.
office_cidr = "203.0.113.0/24"
