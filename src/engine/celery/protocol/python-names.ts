/**
 * Names of Python's: what may be raised by whoever asks for a result.
 *
 * @module
 */

/** The exception classes of Python's `builtins`, but for those that end a process. */
export const exceptionClasses: ReadonlySet<string> = new Set(
  (
    "ArithmeticError AssertionError AttributeError BlockingIOError BrokenPipeError BufferError BytesWarning " +
    "ChildProcessError ConnectionAbortedError ConnectionError ConnectionRefusedError ConnectionResetError " +
    "DeprecationWarning EOFError EnvironmentError Exception FileExistsError FileNotFoundError FloatingPointError " +
    "FutureWarning IOError ImportError ImportWarning IndentationError IndexError InterruptedError IsADirectoryError " +
    "KeyError LookupError MemoryError ModuleNotFoundError NameError NotADirectoryError NotImplementedError OSError " +
    "OverflowError PendingDeprecationWarning PermissionError ProcessLookupError RecursionError ReferenceError " +
    "ResourceWarning RuntimeError RuntimeWarning StopAsyncIteration StopIteration SyntaxError SyntaxWarning " +
    "SystemError TabError TimeoutError TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError " +
    "UnicodeError UnicodeTranslateError UnicodeWarning UserWarning ValueError Warning ZeroDivisionError"
  ).split(" "),
);

/**
 * What is in Celery's module of exceptions, and is none, or ends the process that raises it, or tells Celery something of
 * the task that raises it: one that asks for a result, and is given a `Retry`, would be lost.
 */
export const notExceptions: ReadonlySet<string> = new Set(
  (
    "UNREGISTERED_FMT get_pickleable_exception numbers reraise " +
    "SystemTerminate WorkerShutdown WorkerTerminate " +
    "Ignore Reject Retry TaskPredicate Terminated"
  ).split(" "),
);
