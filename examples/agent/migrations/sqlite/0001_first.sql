-- Times are milliseconds since 1970.

CREATE TABLE documents (
    id      INTEGER PRIMARY KEY,
    title   TEXT    NOT NULL,
    text    TEXT    NOT NULL,
    created INTEGER NOT NULL
) STRICT;

-- What a document is cut into: the unit that is embedded and retrieved.
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
    -- What the finished steps found, as JSON.
    progress TEXT    NOT NULL DEFAULT '{}',
    -- How often it was begun; being put back by a shutdown does not count.
    attempts INTEGER NOT NULL DEFAULT 0,
    -- The result of a job that is done, the error of one that failed.
    result   TEXT,
    created  INTEGER NOT NULL,
    changed  INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_by_state ON jobs (state, id);
