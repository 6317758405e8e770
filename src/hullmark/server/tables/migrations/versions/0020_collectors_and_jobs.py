"""A collector is the API key's that reported for it first; workers hear when a job that was held back while it waited is free.

`defer_job` holds a waiting job back until its transaction has ended, where the job is to see what that changed. Until now nobody told
workers of that moment: they found it at their next look.
"""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_TOLD = """
            -- Whoever looks before this transaction ends passes it by: this is told when it does.
            PERFORM pg_notify('procrastinate_queue_v1#' || there.queue_name,
                json_build_object('type', 'job_inserted', 'job_id', there.id)::text);"""
_DEFER = """
CREATE OR REPLACE FUNCTION defer_job(queue text, task text, priority integer, once text, args jsonb, at timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    added bigint;
    there procrastinate_jobs;
BEGIN
    LOOP
        INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
            VALUES (queue, task, priority, NULL, once, args, at) ON CONFLICT DO NOTHING RETURNING id INTO added;
        IF added IS NOT NULL THEN
            RETURN added;
        END IF;
        -- Nobody may begin with the one that waits before this transaction has ended: it would not see what was changed.
        SELECT * INTO there FROM procrastinate_jobs job WHERE job.queueing_lock = once AND job.status = 'todo' FOR SHARE;
        IF FOUND THEN
            IF there.priority < defer_job.priority OR there.scheduled_at > coalesce(at, now()) THEN
                UPDATE procrastinate_jobs job SET priority = greatest(job.priority, defer_job.priority),
                    scheduled_at = CASE WHEN at IS NULL THEN NULL ELSE least(job.scheduled_at, at) END WHERE job.id = there.id;
            END IF;{told}
            RETURN NULL;
        END IF;
    END LOOP;
END $$"""


def upgrade() -> None:
    """Add both. `key_id` null: nobody has reported since, or somebody who is not held to it."""
    op.execute("ALTER TABLE collector ADD COLUMN key_id bigint REFERENCES api_key ON DELETE SET NULL")
    op.execute("CREATE INDEX collector_key ON collector (key_id) WHERE key_id IS NOT NULL")
    op.execute(_DEFER.format(told=_TOLD))


def downgrade() -> None:
    """As it was."""
    op.execute(_DEFER.format(told=""))
    op.execute("ALTER TABLE collector DROP COLUMN key_id")
