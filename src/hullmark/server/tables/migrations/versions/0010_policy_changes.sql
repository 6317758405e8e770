-- A change of a package set: those of its packages by number, smallest first, what policy the verdict is by then, and how many rules that has
ALTER TABLE finding_change ADD COLUMN parts bigint[], ADD COLUMN policy_digest text, ADD COLUMN rule_count integer;

-- The findings that came and went by changes of these numbers (a JSON array), and by those that these name, in their order: what the last
-- one says of each counts. `policy` is the digest of the policy that the last one names, '' if none does, `rules` how many rules it has.
CREATE OR REPLACE FUNCTION finding_changes(numbers jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
    WITH named AS (
        SELECT change.id, change.parts, change.policy_digest, change.rule_count FROM finding_change change
        WHERE change.id = ANY (ARRAY(SELECT each::bigint FROM jsonb_array_elements_text(
            CASE jsonb_typeof(numbers) WHEN 'array' THEN numbers ELSE '[]' END) each))
    ), meant AS (
        SELECT change.* FROM finding_change change
        WHERE change.id = ANY (ARRAY(SELECT id FROM named UNION SELECT unnest(parts) FROM named))
    ), said AS (
        SELECT id, each.value ->> 0 AS rule, each.value ->> 1 AS trigger, NULL::jsonb AS finding
        FROM meant, jsonb_array_elements(meant.lost) each
        UNION ALL
        SELECT id, each.value ->> 'rule_id', each.value ->> 'trigger_id', each.value FROM meant, jsonb_array_elements(meant.gained) each
    ), last AS (
        SELECT DISTINCT ON (rule, trigger) rule, trigger, finding FROM said ORDER BY rule, trigger, id DESC, finding IS NULL
    )
    SELECT CASE jsonb_typeof(numbers) WHEN 'object' THEN numbers ELSE jsonb_build_object(
        'lost', coalesce((SELECT jsonb_agg(jsonb_build_array(rule, trigger) ORDER BY rule, trigger) FROM last), '[]'),
        'gained', coalesce((SELECT jsonb_agg(finding ORDER BY rule, trigger) FROM last WHERE finding IS NOT NULL), '[]'),
        'policy', coalesce((SELECT policy_digest FROM named WHERE policy_digest IS NOT NULL ORDER BY id DESC LIMIT 1), ''),
        'rules', coalesce((SELECT rule_count FROM named WHERE policy_digest IS NOT NULL ORDER BY id DESC LIMIT 1), 0)) END
    WHERE numbers IS NOT NULL
$$;
