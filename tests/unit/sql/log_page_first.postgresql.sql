    WITH f AS MATERIALIZED (
        SELECT r.label, e.at FROM reach r CROSS JOIN LATERAL (
            SELECT e.at FROM log e WHERE e.label = r.label AND e.at > %(after)s AND e.at <= %(upto)s
               AND 1 = 1 ORDER BY e.at LIMIT 1) e
         WHERE r.member = %(m)s AND r.collection = %(c)s AND r.g <= %(g)s),
    b AS MATERIALIZED (
        SELECT CASE WHEN count(*) < %(limit)s THEN %(upto)s ELSE max(at) END AS bound
          FROM (SELECT at FROM f ORDER BY at LIMIT %(limit)s) q)
    SELECT l.at, l.label, l.n, l.version, CASE WHEN NOT (l.lane = 0 AND l.apart AND EXISTS (
        SELECT 1 FROM log o WHERE o.collection = %(c)s AND o.lane = %(m)s AND o.lane <> 0 AND o.at = l.at
         LIMIT 1 OFFSET 0)) AND ((NOT EXISTS (
        SELECT 1 FROM log x CROSS JOIN reach rx
         WHERE rx.member = %(m)s AND rx.collection = %(c)s AND rx.label = x.label AND x.collection = %(c)s
           AND x.object = l.object AND x.publisher = l.publisher AND x.ver < l.ver
           AND NOT (x.lane = 0 AND x.apart AND EXISTS (
        SELECT 1 FROM log o WHERE o.collection = %(c)s AND o.lane = %(m)s AND o.lane <> 0 AND o.at = x.at
         LIMIT 1 OFFSET 0))))) THEN 1 ELSE 0 END AS kept FROM (
        SELECT e.* FROM f CROSS JOIN LATERAL (
            SELECT e.* FROM log e
             WHERE e.label = f.label AND e.at >= f.at AND e.at <= (SELECT bound FROM b)
               AND 1 = 1 ORDER BY e.at LIMIT %(limit)s) e
         WHERE f.at <= (SELECT bound FROM b) ORDER BY e.at LIMIT %(limit)s) l
