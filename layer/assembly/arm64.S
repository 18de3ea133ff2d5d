// The extension's launcher: drops every LD_ variable, since the function's LD_PRELOAD would load the
// function's libraries into our process, adds one for the C library's malloc, and becomes the layer's
// interpreter. AAPCS64.
_start:
	ldr	x0, [sp]
	add	x2, sp, x0, lsl #3
	add	x2, x2, #16		// the environment, behind argc, the arguments and a null
	mov	x3, x2
	mov	x4, x2
	mov	w7, #0x444c
	movk	w7, #0x5f, lsl #16	// "LD_"
next:	ldr	x5, [x3], #8
	cbz	x5, done
	ldr	w6, [x5]
	and	w6, w6, #0xffffff
	cmp	w6, w7
	b.eq	next
	str	x5, [x4], #8
	b	next
done:	adr	x5, malloc
	str	x5, [x4], #8		// over the null, and the next over what the kernel left behind it
	str	xzr, [x4]
	adr	x0, path
	adr	x1, flags
	adr	x3, code
	stp	x3, xzr, [sp, #-16]!
	stp	x0, x1, [sp, #-16]!
	mov	x1, sp
	mov	x8, #221		// execve
	svc	#0
	mov	x0, #127
	mov	x8, #93			// exit
	svc	#0
path:	.asciz	"/opt/faultlayer/bin/python3"
flags:	.asciz	"-ISc"
code:	.asciz	"from faultlayer.main import main; main()"
malloc:	.asciz	"MALLOC_MMAP_THRESHOLD_=1048576"
