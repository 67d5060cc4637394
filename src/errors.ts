/** Every error the SDK raises on purpose. Apps know the classes. */
export * from './errors/classes.ts';
export * from './errors/occasions.ts';
