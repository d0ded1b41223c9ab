// The program: reads the command line and runs one command.

console.error('posthuis: no command is built yet');
process.exitCode = 2;
