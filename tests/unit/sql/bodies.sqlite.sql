    SELECT v.number, o.id, o.type, v.ver_text, b.json FROM version v
      JOIN object o ON o.number = v.object JOIN body b ON b.number = v.body
     WHERE v.number IN (SELECT value FROM json_each(?))
