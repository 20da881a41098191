/** A module that cannot be imported. */
throw new Error("no DATABASE_URL here");
