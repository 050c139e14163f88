    SELECT DISTINCT r.base, r.upto FROM reach r
     WHERE r.member = %(m)s AND r.collection = %(c)s AND r.g = %(g)s AND r.base + r.upto > %(after)s
     ORDER BY r.base
