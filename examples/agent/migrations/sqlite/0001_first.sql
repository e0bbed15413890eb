-- Times are milliseconds since 1970.

CREATE TABLE documents (
    id      INTEGER PRIMARY KEY,
    title   TEXT    NOT NULL,
    text    TEXT    NOT NULL,
    created INTEGER NOT NULL
) STRICT;

-- The parts of a document: the unit that is embedded and retrieved.
CREATE TABLE passages (
    id       INTEGER PRIMARY KEY,
    document INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    text     TEXT    NOT NULL
) STRICT;
CREATE INDEX passages_of_document ON passages (document, id);

CREATE TABLE sessions (
    id        TEXT    PRIMARY KEY,
    created   INTEGER NOT NULL,
    last_used INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_use ON sessions (last_used);

CREATE TABLE answers (
    id       INTEGER PRIMARY KEY,
    session  TEXT    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    question TEXT    NOT NULL,
    text     TEXT    NOT NULL DEFAULT '',
    state    TEXT    NOT NULL CHECK (state IN ('streaming', 'complete', 'shutdown', 'consumer_gone', 'error', 'killed')),
    created  INTEGER NOT NULL
) STRICT;
CREATE INDEX answers_of_session ON answers (session, id);

CREATE TABLE jobs (
    id       INTEGER PRIMARY KEY,
    kind     TEXT    NOT NULL,
    input    TEXT    NOT NULL,
    state    TEXT    NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    -- The results of the completed steps, as JSON.
    progress TEXT    NOT NULL DEFAULT '{}',
    -- The number of attempts, without those that a shutdown interrupted.
    attempts INTEGER NOT NULL DEFAULT 0,
    -- The result of a completed job, or the error of a failed one.
    result   TEXT,
    created  INTEGER NOT NULL,
    changed  INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_by_state ON jobs (state, id);
