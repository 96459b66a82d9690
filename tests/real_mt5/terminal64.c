/* A terminal that starts and never opens its pipe. */
#include <windows.h>
int WINAPI WinMain(HINSTANCE a, HINSTANCE b, LPSTR c, int d) { Sleep(120000); return 0; }
