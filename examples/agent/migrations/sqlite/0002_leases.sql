-- The process that works on a row, or did so last, and the time until which no other process may take the row. The
-- lease is renewed while the work continues.
ALTER TABLE jobs ADD COLUMN worker TEXT;
ALTER TABLE jobs ADD COLUMN lease INTEGER;

ALTER TABLE answers ADD COLUMN writer TEXT;
ALTER TABLE answers ADD COLUMN lease INTEGER;
