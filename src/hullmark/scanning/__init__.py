"""One request → one result: layers read once, records kept, analysis, scanners, secret rules. (`hullmark.scan` is the function.)"""
