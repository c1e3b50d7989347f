/** The title that a new document has until a person gives it one. */
export const untitled = "Untitled";
