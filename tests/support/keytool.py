"""Java's keytool, as tests run it: it ends before it pays to compile its code well, or to look for garbage by several threads."""

from __future__ import annotations

KEYTOOL = ("keytool", "-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC")
