"""What every call to the rehearsal Google goes through: routing, sign-in, checks, quota, faults."""
