    SELECT l.at, l.n, l.version, r.g, r.base, r.upto FROM log l CROSS JOIN reach r
     WHERE l.collection = ? AND l.object IN (SELECT number FROM object WHERE id IN (?, ?))
       AND r.member = ? AND r.collection = ? AND r.label = l.label
       AND NOT l.superseded AND NOT (l.lane = 0 AND l.apart AND EXISTS (
        SELECT 1 FROM log o WHERE o.collection = ? AND o.lane = ? AND o.lane <> 0 AND o.at = l.at
         LIMIT 1 OFFSET 0)) AND ((NOT l.superseded AND NOT EXISTS (
        SELECT 1 FROM log x CROSS JOIN reach rx
         WHERE rx.member = ? AND rx.collection = ? AND rx.label = x.label AND x.collection = ?
           AND x.object = l.object AND x.publisher = l.publisher AND x.ver > l.ver
           AND NOT (x.lane = 0 AND x.apart AND EXISTS (
        SELECT 1 FROM log o WHERE o.collection = ? AND o.lane = ? AND o.lane <> 0 AND o.at = x.at
         LIMIT 1 OFFSET 0)))))
