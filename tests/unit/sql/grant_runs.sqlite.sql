    SELECT DISTINCT r.base, r.upto FROM reach r
     WHERE r.member = ? AND r.collection = ? AND r.g = ? AND r.base + r.upto > ?
     ORDER BY r.base
