    SELECT l.at, l.label, l.n, l.version, CASE WHEN NOT (l.lane = 0 AND l.apart AND EXISTS (
        SELECT 1 FROM log o WHERE o.collection = ? AND o.lane = ? AND o.lane <> 0 AND o.at = l.at
         LIMIT 1 OFFSET 0)) AND ((NOT l.superseded AND NOT EXISTS (
        SELECT 1 FROM log x CROSS JOIN reach rx
         WHERE rx.member = ? AND rx.collection = ? AND rx.label = x.label AND x.collection = ?
           AND x.object = l.object AND x.publisher = l.publisher AND x.ver > l.ver
           AND NOT (x.lane = 0 AND x.apart AND EXISTS (
        SELECT 1 FROM log o WHERE o.collection = ? AND o.lane = ? AND o.lane <> 0 AND o.at = x.at
         LIMIT 1 OFFSET 0)))) OR l.ver IN (?)) THEN 1 ELSE 0 END AS kept FROM (
        SELECT e.* FROM reach r CROSS JOIN log e
         WHERE r.member = ? AND r.collection = ? AND r.g <= ?
           AND e.label = r.label AND e.at > ? AND e.at <= ?
           AND EXISTS (SELECT 1 FROM object q WHERE q.number = e.object AND q.type IN (?, ?))
         ORDER BY e.at LIMIT ?) l
