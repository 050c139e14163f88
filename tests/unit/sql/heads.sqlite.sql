    SELECT v.number, o.id, o.type, v.ver_text FROM version v JOIN object o ON o.number = v.object
     WHERE v.number IN (SELECT value FROM json_each(?))
