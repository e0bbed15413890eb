-- Who works on a row, or did so last, and until when nobody else may take it from them: renewed while the work goes on.
ALTER TABLE jobs ADD COLUMN worker TEXT;
ALTER TABLE jobs ADD COLUMN lease INTEGER;

ALTER TABLE answers ADD COLUMN writer TEXT;
ALTER TABLE answers ADD COLUMN lease INTEGER;
