-- Beside Suricata's EVE flow records: what Suricata called the protocol, and the grade. View eve_flow; see docs/scale.md.
SELECT
    coalesce(e.app_proto, '-') AS suricata_protocol,
    coalesce(f.protocol, '-') AS protocol,
    f.grade,
    count(*) AS connections
FROM flows f
JOIN eve_flow e ON e.community_id = f.community_id
GROUP BY 1, 2, 3
ORDER BY 4 DESC, 1, 2, 3
