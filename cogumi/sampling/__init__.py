"""Schedules of requests, the log of samples, replay."""
