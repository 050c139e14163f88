    SELECT l.at, l.label, l.n, l.version FROM reach r CROSS JOIN LATERAL (
        SELECT l.at, l.label, l.n, l.version FROM log l
         WHERE l.label = r.label AND l.n > %(after)s - %(base)s AND l.n <= %(upto)s
           AND NOT l.superseded AND NOT (l.lane = 0 AND l.apart AND EXISTS (
        SELECT 1 FROM log o WHERE o.collection = %(c)s AND o.lane = %(m)s AND o.lane <> 0 AND o.at = l.at
         LIMIT 1 OFFSET 0)) AND ((NOT l.superseded AND NOT EXISTS (
        SELECT 1 FROM log x CROSS JOIN reach rx
         WHERE rx.member = %(m)s AND rx.collection = %(c)s AND rx.label = x.label AND x.collection = %(c)s
           AND x.object = l.object AND x.publisher = l.publisher AND x.ver > l.ver
           AND NOT (x.lane = 0 AND x.apart AND EXISTS (
        SELECT 1 FROM log o WHERE o.collection = %(c)s AND o.lane = %(m)s AND o.lane <> 0 AND o.at = x.at
         LIMIT 1 OFFSET 0))))) ORDER BY l.n LIMIT %(limit)s) l
     WHERE r.member = %(m)s AND r.collection = %(c)s AND r.g = %(g)s AND r.base = %(base)s
     ORDER BY l.n LIMIT %(limit)s
