/*
 * Runs the program that is named where the processor has the forced tier's instructions, and skips (77) with the reason elsewhere. A program compiled for
 * them cannot ask by itself: its first instructions may be among those that are missing.
 */
#include <unistd.h>

#include "check.h"

int main(int, char** arguments) {
    require_tier();
    execv(arguments[1], arguments + 1);
    perror(arguments[1]);
    return 1;
}
