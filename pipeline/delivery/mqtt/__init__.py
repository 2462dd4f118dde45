"""MQTT: events, and what each camera shows now; its description for Home Assistant."""
