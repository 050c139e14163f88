    WITH own AS MATERIALIZED (SELECT COALESCE((
        SELECT o.at FROM log o
         WHERE o.collection = ? AND o.lane = ? AND o.lane <> 0 AND o.at > ? AND o.at <= ?
         ORDER BY o.at LIMIT 1 OFFSET ?), ?) AS bound)
    SELECT own.bound, p.* FROM own LEFT JOIN (
        SELECT l.at, l.label, l.n, l.version FROM reach r CROSS JOIN log l
         WHERE r.member = ? AND r.collection = ? AND r.g <= ?
           AND l.label = r.label AND l.at > ? AND l.at <= (SELECT bound FROM own)
           AND NOT (l.lane = 0 AND l.apart AND EXISTS (
        SELECT 1 FROM log o WHERE o.collection = ? AND o.lane = ? AND o.lane <> 0 AND o.at = l.at
         LIMIT 1 OFFSET 0))
         ORDER BY l.at LIMIT ?) p
