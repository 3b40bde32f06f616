-- It runs at every start, so it must not mind what is there already.
CREATE TABLE IF NOT EXISTS entries (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  written timestamptz NOT NULL DEFAULT now()
);
