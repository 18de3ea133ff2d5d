// The extension's launcher: drops every LD_ variable, since the function's LD_PRELOAD would load the
// function's libraries into our process, adds one for the C library's malloc, and becomes the layer's
// interpreter. If AWS_LWA_LAMBDA_RUNTIME_API_PROXY names our port, it listens there before: the Lambda
// Web Adapter, started beside us, asks there before Python could, and ends if nobody listens. AAPCS64.
_start:
	ldr	x0, [sp]
	add	x19, sp, x0, lsl #3
	add	x19, x19, #16		// the environment, behind argc, the arguments and a null
	mov	x3, x19
	mov	x4, x19
	mov	x9, #0			// what the adapter is told, if it is
	adr	x10, usual		// our port's digits
	mov	w7, #0x444c
	movk	w7, #0x5f, lsl #16	// "LD_"
next:	ldr	x5, [x3], #8
	cbz	x5, done
	ldr	w6, [x5]
	and	w6, w6, #0xffffff
	cmp	w6, w7
	b.eq	next
	str	x5, [x4], #8
	adr	x11, adapter
	bl	value
	csel	x9, x12, x9, eq
	adr	x11, port
	bl	value
	csel	x10, x12, x10, eq
	b	next
value:	mov	x12, x5			// is the entry at x5 of the name at x11? then its value is at x12
1:	ldrb	w13, [x11], #1
	cbz	w13, 2f
	ldrb	w14, [x12], #1
	cmp	w13, w14
	b.eq	1b
	ret
2:	cmp	w13, #0
	ret
done:	adr	x5, malloc
	str	x5, [x4], #8		// over the null, and the next over what the kernel left behind it
	str	xzr, [x4]
	cbz	x9, go
	ldrb	w5, [x10]		// an empty variable is unset
	cbnz	w5, 1f
	adr	x10, usual
1:	ldrb	w5, [x9], #1		// to the end of the value, less a slash
	cbnz	w5, 1b
	sub	x9, x9, #1
	ldrb	w5, [x9, #-1]
	cmp	w5, #0x2f
	b.ne	2f
	sub	x9, x9, #1
2:	mov	x11, x10		// to the end of the digits
3:	ldrb	w5, [x11, #1]!
	cbnz	w5, 3b
4:	ldrb	w5, [x11, #-1]!		// and both back: the value must end in a colon and these digits
	ldrb	w6, [x9, #-1]!
	cmp	w5, w6
	b.ne	go
	cmp	x11, x10
	b.ne	4b
	ldrb	w5, [x9, #-1]
	cmp	w5, #0x3a
	b.ne	go
	mov	w12, #0
	mov	w13, #10
5:	ldrb	w5, [x10], #1
	cbz	w5, 6f
	sub	w5, w5, #0x30
	cmp	w5, #9
	b.hi	go
	madd	w12, w12, w13, w5
	lsr	w5, w12, #16
	cbz	w5, 5b
	b	go
6:	rev16	w12, w12		// network byte order
	mov	x0, #2			// AF_INET
	mov	x1, #1			// SOCK_STREAM
	mov	x2, #0
	mov	x8, #198		// socket
	svc	#0
	tbnz	w0, #31, go
	mov	w20, w0
	mov	x1, #1			// SOL_SOCKET
	mov	x2, #2			// SO_REUSEADDR
	str	x1, [sp, #-16]!
	mov	x3, sp
	mov	x4, #4
	mov	x8, #208		// setsockopt
	svc	#0
	mov	x5, #2			// AF_INET, the port, 127.0.0.1
	bfi	x5, x12, #16, #16
	movk	x5, #0x007f, lsl #32
	movk	x5, #0x0100, lsl #48
	stp	x5, xzr, [sp, #-16]!
	mov	w0, w20
	mov	x1, sp
	mov	x2, #16
	mov	x8, #200		// bind
	svc	#0
	cbnz	w0, close
	mov	w0, w20
	mov	x1, #1024
	mov	x8, #201		// listen
	svc	#0
	cbz	w0, go
close:	mov	w0, w20
	mov	x8, #57
	svc	#0
go:	mov	x2, x19
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
adapter: .asciz	"AWS_LWA_LAMBDA_RUNTIME_API_PROXY="
port:	.asciz	"FAULTLAYER_PORT="
usual:	.asciz	"9747"
