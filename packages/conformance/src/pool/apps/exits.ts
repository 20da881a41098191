/** A module that ends whoever imports it. */
console.error("cannot go on");
process.exit(3);
