"""Who is asked: student, judge, teacher, reference; their models and fingerprints."""
