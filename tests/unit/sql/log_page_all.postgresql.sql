    WITH own AS MATERIALIZED (SELECT COALESCE((
        SELECT o.at FROM log o
         WHERE o.collection = %(c)s AND o.lane = %(m)s AND o.lane <> 0 AND o.at > %(after)s AND o.at <= %(upto)s
         ORDER BY o.at LIMIT 1 OFFSET %(limit)s), %(upto)s) AS bound),
    f AS MATERIALIZED (
        SELECT r.label, l.at FROM reach r CROSS JOIN LATERAL (
            SELECT l.at FROM log l WHERE l.label = r.label AND l.at > %(after)s AND l.at <= (SELECT bound FROM own)
               AND NOT (l.lane = 0 AND l.apart AND EXISTS (
        SELECT 1 FROM log o WHERE o.collection = %(c)s AND o.lane = %(m)s AND o.lane <> 0 AND o.at = l.at
         LIMIT 1 OFFSET 0)) ORDER BY l.at LIMIT 1) l
         WHERE r.member = %(m)s AND r.collection = %(c)s AND r.g <= %(g)s),
    b AS MATERIALIZED (
        SELECT CASE WHEN count(*) < %(limit)s THEN (SELECT bound FROM own) ELSE max(at) END AS bound
          FROM (SELECT at FROM f ORDER BY at LIMIT %(limit)s) q)
    SELECT own.bound, p.* FROM own LEFT JOIN (
        SELECT l.at, l.label, l.n, l.version FROM f CROSS JOIN LATERAL (
            SELECT l.at, l.label, l.n, l.version FROM log l
             WHERE l.label = f.label AND l.at >= f.at AND l.at <= (SELECT bound FROM b)
               AND NOT (l.lane = 0 AND l.apart AND EXISTS (
        SELECT 1 FROM log o WHERE o.collection = %(c)s AND o.lane = %(m)s AND o.lane <> 0 AND o.at = l.at
         LIMIT 1 OFFSET 0)) ORDER BY l.at LIMIT %(limit)s) l
         WHERE f.at <= (SELECT bound FROM b) ORDER BY l.at LIMIT %(limit)s) p ON true
